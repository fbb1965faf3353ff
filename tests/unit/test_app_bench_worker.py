"""A worker of a benchmark: it answers, or its last words say why it did not."""

import asyncio
import textwrap
from collections.abc import Coroutine
from pathlib import Path

import pytest

from telephony.app.bench.messages import Done, Quiet
from telephony.app.bench.worker import Worker
from telephony.errors import TransportError


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Give a worker that runs what a test writes to `odd_worker.py` of its folder."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Worker("odd worker", "odd_worker")


def run(main: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 60))


def write(folder: Path, text: str) -> None:
    (folder / "odd_worker.py").write_text(textwrap.dedent(text))


def test_a_worker_answers_and_what_it_warns_of_is_passed_on(
    tmp_path: Path, worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        tmp_path,
        """
        import sys
        print("{}", flush=True)
        input()
        print("slow today", file=sys.stderr)
        print(input() and '{}', flush=True)
        input()
        """,
    )

    async def main() -> None:
        await worker.start()
        assert await worker.ask(Quiet(), Done) == Done()
        await worker.stop()
        await worker.stop()

    run(main())
    assert capsys.readouterr().err == "slow today\n"


def test_a_worker_that_dies_is_quoted(tmp_path: Path, worker: Worker) -> None:
    write(tmp_path, "print('{}', flush=True); input(); input(); raise OSError('no files left')")

    async def main() -> None:
        await worker.start()
        with pytest.raises(
            TransportError,
            match=r"^odd worker gave no answer; its last words: OSError: no files left$",
        ):
            await worker.ask(Quiet(), Done)

    run(main())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise OSError('no port left')", "last words: OSError: no port left$"),
        ("raise SystemExit(1)", "did not start; the log has its reason$"),
    ],
)
def test_a_worker_that_does_not_start_is_quoted(
    tmp_path: Path, worker: Worker, text: str, message: str
) -> None:
    write(tmp_path, text)

    async def main() -> None:
        with pytest.raises(TransportError, match=message):
            await worker.start()

    run(main())


def test_a_worker_that_is_mute_is_not_waited_for(
    tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "print('{}', flush=True); input(); input(); import time; time.sleep(60)")
    monkeypatch.setattr("telephony.app.bench.worker.PATIENCE_SECONDS", 0.1)

    async def main() -> None:
        await worker.start()
        with pytest.raises(TransportError, match=r"^odd worker did not answer in time$"):
            await worker.ask(Quiet(), Done)

    run(main())
