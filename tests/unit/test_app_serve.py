"""What `telephony serve` decides: what it says, when it ends, and with which status."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import TracebackType

import pytest
from structlog.testing import capture_logs

from telephony.app.configured import configure
from telephony.app.serve import ServeOptions, serve
from telephony.app.served import Ready, Served
from telephony.config import Settings, load
from telephony.errors import TransportError
from tests.support.child import ROOT, child_environment

READY = Ready("sip:127.0.0.1:5060", "http://127.0.0.1:8080")


class App:
    """Serves until its child dies, if it ever does."""

    ready = READY

    def __init__(self) -> None:
        self.death = asyncio.Event()
        self.steps: list[str] = []

    async def __aenter__(self) -> "App":
        self.steps.append("started")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.steps.append("ended")

    async def child_ended(self) -> str:
        await self.death.wait()
        return "engine"


def served(*, dies: bool, is_stopped: bool) -> tuple[int, list[str]]:
    """Serve an app to its end; give the status, and what happened in order."""

    async def main() -> tuple[int, list[str]]:
        app, stop = App(), asyncio.Event()

        def on_ready(ready: Ready) -> None:
            app.steps.append(ready.sip)
            if dies:
                app.death.set()
            if is_stopped:
                stop.set()

        return await asyncio.wait_for(serve(app, on_ready, stop), 5), app.steps

    return asyncio.run(main())


def test_told_to_stop_it_ends_all_parts_with_status_0() -> None:
    with capture_logs() as logs:
        assert served(dies=False, is_stopped=True) == (0, ["started", READY.sip, "ended"])
    assert logs == []


def test_a_part_that_dies_is_named_and_ends_all_with_status_1() -> None:
    with capture_logs() as logs:
        assert served(dies=True, is_stopped=False) == (1, ["started", READY.sip, "ended"])
    assert [(line["part"], line["fault"]) for line in logs] == [("engine", "ours")]


def test_a_part_that_ends_because_we_stop_has_not_died() -> None:
    with capture_logs() as logs:
        assert served(dies=True, is_stopped=True)[0] == 0
    assert logs == []


def test_ready_is_one_line_for_people_or_one_object_for_programs() -> None:
    assert READY.line(as_json=False) == "ready sip:127.0.0.1:5060 http://127.0.0.1:8080"
    assert json.loads(READY.line(as_json=True)) == {
        "ready": True,
        "sip": "sip:127.0.0.1:5060",
        "http": "http://127.0.0.1:8080",
    }


def test_options_replace_the_settings_that_they_name_and_no_others() -> None:
    assert ServeOptions().overrides() == {}
    options = ServeOptions(sip="127.0.0.1:0", http="127.0.0.1:1", rtp="20000-20100")
    settings = load(None, {}, options.overrides())
    assert settings.sip.listen == ("127.0.0.1:0",)
    assert settings.sip.rtp_ports == "20000-20100"
    assert settings.http.listen == "127.0.0.1:1"


def settings(http: str) -> Settings:
    return Settings.model_validate(
        {
            "version": 1,
            "http": {"listen": http},
            "realtime": {"absent": {"url": "ws://127.0.0.1:9"}},
        }
    )


def test_an_http_port_that_is_taken_is_named_before_any_part_is_started() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            app = Served(configure(settings(f"127.0.0.1:{port}"), None, None))
            message = f"^cannot serve HTTP on 127.0.0.1:{port}: .*in use"
            with pytest.raises(TransportError, match=message):
                await app.__aenter__()

    asyncio.run(main())


def ended_by(number: signal.Signals, body: str) -> tuple[int, str, float]:
    """Signal a process that serves; give its status, its log, and how long its end took."""
    code = f"""
    import asyncio, threading
    from telephony.app.serve import stop_on_signals

    async def main():
        stop = asyncio.Event()
        stop_on_signals(stop, exit_seconds=0.5)
        print("ready", flush=True)
        {body}

    asyncio.run(main())
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        asked = time.monotonic()
        process.send_signal(number)
        said = process.stdout.read()
        return process.wait(10), said, time.monotonic() - asked


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_and_the_limit_holds_nobody_up(number: signal.Signals) -> None:
    status, said, _ = ended_by(number, "await stop.wait(); print('stopped')")
    assert (status, said) == (0, "stopped\n")


@pytest.mark.parametrize(
    "body",
    [
        "threading.Event().wait()",
        "threading.Thread(target=threading.Event().wait).start(); await stop.wait()",
    ],
    ids=["the loop is blocked", "a thread is joined at the exit"],
)
def test_what_holds_up_the_end_is_ended_at_the_limit(body: str) -> None:
    status, said, seconds = ended_by(signal.SIGTERM, body)
    assert status == 1
    assert "user code that hangs" in said
    assert seconds < 5


def test_a_journal_of_hosted_calls_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "whsec_b2xk")
    (tmp_path / "calls").write_text("no database " * 100)
    settings = tmp_path / "telephony.toml"
    for path, why in (("calls", "file is not a database"), ("none/calls", "No such file")):
        settings.write_text(
            'version = 1\n[realtime.a]\nurl = "ws://127.0.0.1:9"\n'
            '[hosted.a]\nsecrets = [{ env = "SECRET" }]\n'
            f'[store]\npath = "{tmp_path / path}"\n[http]\nlisten = "127.0.0.1:0"\n'
        )
        app = Served(configure(load(settings, {"SECRET": "whsec_b2xk"}, {}), None, None))

        async def main(app: Served = app) -> None:
            async with app:
                pass

        with pytest.raises(TransportError, match=f"cannot keep hosted calls in .*calls: {why}"):
            asyncio.run(main())
