"""Child processes of `serve`: ready, not ready, ended."""

import asyncio
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from telephony.app.children import Child
from telephony.errors import TransportError

Write = Callable[[str, str], None]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Give a way to write a module that a child can run."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))

    return write


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_child_is_told_one_line_and_says_what_it_has(module: Write) -> None:
    module(
        "echo_child",
        """
        import json, sys
        print(json.dumps({"told": sys.stdin.readline().strip(), "args": sys.argv[1:]}), flush=True)
        sys.stdin.read()
        """,
    )

    async def main() -> None:
        child = Child("echo", "echo_child", "a", "b")
        assert await child.start("hello") == {"told": "hello", "args": ["a", "b"]}
        assert child.pid > 0
        await child.stop()
        assert await child.wait() < 0, "ended by a signal"
        await child.stop()

    run(main)


def test_ready_and_an_address_are_understood(module: Write) -> None:
    module("ready_child", "print('ready ws://h:1', flush=True); import time; time.sleep(60)")

    async def main() -> None:
        child = Child("ready", "ready_child")
        assert await child.start() == {"url": "ws://h:1"}
        await child.stop()

    run(main)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("""print('{"error": "address in use"}')""", "^odd: address in use$"),
        ("raise SystemExit(1)", "^odd did not start; the log has its reason$"),
        ("print('what?')", "^odd did not start; the log has its reason$"),
    ],
)
def test_a_child_that_is_not_ready_says_why(module: Write, text: str, message: str) -> None:
    module("odd_child", text)

    async def main() -> None:
        child = Child("odd", "odd_child")
        with pytest.raises(TransportError, match=message):
            await child.start()
        await child.wait()

    run(main)


def test_a_child_that_does_not_listen_is_killed(module: Write) -> None:
    module(
        "deaf_child",
        """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready here", flush=True)
        time.sleep(60)
        """,
    )

    async def main() -> None:
        child = Child("deaf", "deaf_child")
        await child.start()
        child.stop_seconds = 0.1
        await child.stop()
        assert await child.wait() == -9

    run(main)


def test_a_child_that_was_never_started_can_be_stopped_and_started(module: Write) -> None:
    module("ready_child", "print('ready ws://h:1', flush=True); input(); input()")

    async def main() -> None:
        child = Child("ready", "ready_child")
        await child.stop()
        assert await child.start() == {"url": "ws://h:1"}
        await child.stop()

    run(main)
