"""A scripted server of the Realtime protocol, over a real WebSocket, in a process of its own.

    python -m tests.support.model_server --port 0 --script plain --log model.jsonl

It prints one JSON line: `url` for the client, `control` for a TCP port that takes lines:

    script NAME         the script of every session from now on
    speech CALL         report speech in the session of a call, now
    tool CALL NAME KEY=VALUE...   call a tool in the session of a call, now
    drop CALL           break off the session of a call, now
    refuse TIMES        answer so many handshakes with HTTP 429, Retry-After 1
    sessions            how many are open

Each is answered with a JSON line. A call is named by the item number of the position-coded audio
that it sends (`tests/support/position_code.py`). With `--script absent` nothing listens at `url`;
with `--certificate` and `--key` TLS is spoken there, and `url` says so. The log has a JSON line for
each event of a client and each audio sent; it ends with its input.
"""

import argparse
import asyncio
import http
import itertools
import json
import socket
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.support.child import Child
from tests.support.model.script import SCRIPTS, Fault
from tests.support.model.session import ModelSession
from tests.support.model.wire import Wire
from tests.support.patience import PATIENCE_SECONDS
from tests.support.ports import LOOPBACK
from tests.support.position_code import ITEMS

ABSENT = "absent"
CLOSE_SECONDS = 1.0
MAX_FRAME_OCTETS = 16 * 1024 * 1024
WINDOW_OCTETS = 8192
"""The kernel takes little for a session that does not read, as behind a busy proxy."""


class ModelServer:
    """All sessions, and the control port.

    Args:
        script: The name of the first script.
        seed: Decides what scripts leave to chance.
        write_log: Takes the lines of the log.
        tls: Makes it speak TLS, with this certificate.
    """

    def __init__(
        self,
        script: str,
        seed: int,
        write_log: Callable[[str], object],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._script = script
        self._tls = tls
        self._seed = seed
        self._write_log = write_log
        self._sessions: set[ModelSession] = set()
        self._session_numbers = itertools.count(1)
        self._item_numbers = itertools.cycle(range(ITEMS))
        self._refusals = 0

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncGenerator[tuple[int, int]]:
        """Open the WebSocket port and the control port, and give both."""
        control = await asyncio.start_server(self._control, LOOPBACK, 0)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_OCTETS)
        listener.bind((LOOPBACK, port))
        async with (
            control,
            serve(
                self._serve,
                sock=listener,
                process_request=self._admit,
                ssl=self._tls,
                compression=None,
                max_size=MAX_FRAME_OCTETS,
                ping_interval=None,
                close_timeout=CLOSE_SECONDS,
            ) as model,
        ):
            ports = [int(each.getsockname()[1]) for each in (*model.sockets, *control.sockets)]
            yield ports[0], ports[-1]

    async def _admit(self, connection: ServerConnection, _request: Request) -> Response | None:
        if SCRIPTS[self._script].fault is Fault.REFUSES_KEY:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "Incorrect API key provided\n")
        if self._refusals:
            self._refusals -= 1
            busy = connection.respond(http.HTTPStatus.TOO_MANY_REQUESTS, "Try again later\n")
            busy.headers["Retry-After"] = "1"
            return busy
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        async def send_text(text: str) -> None:
            try:
                await connection.send(text)
            except ConnectionClosed:
                return

        async def close() -> None:
            connection.transport.abort()

        wire = Wire(next(self._session_numbers), send_text, close, self.log)
        session = ModelSession(
            wire, SCRIPTS[self._script], self._seed, lambda: next(self._item_numbers)
        )
        self._sessions.add(session)
        wire.log("opened", path=connection.request.path if connection.request else "")
        try:
            await session.open()
            async for text in connection:
                await session.receive(text)
        except ConnectionClosed:
            pass
        finally:
            self._sessions.discard(session)
            wire.log("closed", code=connection.close_code)
            await session.end()

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = await self._obey(line.decode().split())
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _obey(self, words: list[str]) -> dict[str, object]:
        match words:
            case ["script", name] if name in SCRIPTS:
                self._script = name
            case ["sessions"]:
                return {"ok": True, "sessions": len(self._sessions)}
            case ["refuse", times]:
                self._refusals = int(times)
            case ["drop", call] if (session := self._session_of(int(call))) is not None:
                await session.drop()
            case ["speech", call] if (session := self._session_of(int(call))) is not None:
                await session.report_speech()
            case ["tool", call, name, *rest] if (
                session := self._session_of(int(call))
            ) is not None:
                session.call_tool(name, dict(pair.split("=", 1) for pair in rest))
            case _:
                return {"ok": False}
        return {"ok": True}

    def _session_of(self, call: int) -> ModelSession | None:
        of_call = (session for session in self._sessions if session.call == call)
        return max(of_call, key=lambda session: session.number, default=None)

    def log(self, session: int, call: int | None, kind: str, /, **fields: object) -> None:
        """Write one line of the log, stamped with the monotonic clock and the wall's."""
        row: dict[str, object] = {"t_ns": time.monotonic_ns(), "wall_ns": time.time_ns()}
        row |= {"session": session, "call": call, "kind": kind, **fields}
        self._write_log(json.dumps(row) + "\n")


class ScriptedModel(Child):
    """The scripted server as a child process."""

    def __init__(
        self, script: str, log: Path, *, seed: int = 1, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.log_path = log
        arguments = [sys.executable, "-m", "tests.support.model_server", "--script", script]
        arguments += ["--log", str(log), "--seed", str(seed)]
        if tls is not None:
            arguments += ["--certificate", str(tls[0]), "--key", str(tls[1])]
        super().__init__(arguments, stop_seconds=1.0)

    @property
    def url(self) -> str:
        """Where a client connects."""
        return str(self.ready["url"])

    @property
    def control_port(self) -> int:
        """Where it takes commands."""
        return int(self.ready["control"])

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows of its log so far."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def command(self, line: str) -> dict[str, Any]:
        """Give it one command and wait for the answer."""
        with socket.create_connection((LOOPBACK, self.control_port), PATIENCE_SECONDS) as control:
            control.sendall(line.encode() + b"\n")
            with control.makefile() as answers:
                return dict(json.loads(answers.readline()))


async def _run(options: argparse.Namespace) -> None:
    with options.log.open("w", buffering=1) as log:
        tls = None
        if options.certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(options.certificate, options.key)
        server = ModelServer(options.script, options.seed, log.write, tls)
        async with server.listening(options.port) as (port, control):
            await _announce_and_wait("wss" if tls else "ws", port, control)


async def _run_absent(options: argparse.Namespace) -> None:
    """Hold a port at which every connection is refused."""
    with socket.socket() as nobody:
        nobody.bind((LOOPBACK, options.port))
        await _announce_and_wait("ws", int(nobody.getsockname()[1]), 0)


async def _announce_and_wait(scheme: str, port: int, control: int) -> None:
    url = f"{scheme}://{LOOPBACK}:{port}/v1/realtime"
    print(json.dumps({"ready": True, "url": url, "control": control}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve until the standard input closes."""
    parser = argparse.ArgumentParser(prog="tests.support.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", choices=[*SCRIPTS, ABSENT], default="plain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--certificate", type=Path, help="PEM")
    parser.add_argument("--key", type=Path, help="PEM")
    parser.add_argument("--log", type=Path, default=Path("/dev/null"))
    options = parser.parse_args()
    asyncio.run(_run_absent(options) if options.script == ABSENT else _run(options))


if __name__ == "__main__":
    main()
