"""How `telephony serve` ends: when it is told to, whatever tools do, and when a part of it dies."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.support.hanging_phone import PROCESS_FILE
from tests.support.listening_caller import ListeningCall
from tests.support.model_server import ScriptedModel
from tests.support.product import Product
from tests.support.sip_dialog import CallError

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")

PROMPT_SECONDS = 6.0
"""For an end in order, with one call to hang up."""
FORCED_SECONDS = 10.0
"""For an end that user code holds up: as long as a container's runtime waits before it kills."""


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ScriptedModel]:
    with ScriptedModel("talkative", tmp_path / "model.jsonl") as server:
        yield server


def children_of(pid: int) -> dict[str, int]:
    """Give the processes that a process has started, by what they run."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {int(one): Path(f"/proc/{one}/cmdline").read_bytes() for one in pids}
    names = {"engine": b"telephony.engine", "embedded": b"local"}
    return {
        name: one
        for one, command in commands.items()
        for name, part in names.items()
        if part in command
    }


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def health_of(product: Product) -> tuple[int, str]:
    try:
        with urlopen(product.http_url + "/healthz", timeout=5.0) as answer:  # noqa: S310 - ours
            return int(answer.status), str(json.load(answer)["status"])
    except HTTPError as refused:
        return refused.code, str(json.load(refused)["status"])


@needs_proc
@pytest.mark.parametrize(
    ("tools", "number", "code"),
    [
        (["hangs_in_a_thread", "hangs_in_a_process"], signal.SIGINT, 0),
        (["blocks_the_loop"], signal.SIGTERM, 0),
        (["leaves_a_thread", "refuses_to_be_cancelled"], signal.SIGTERM, 1),
    ],
    ids=["hang", "block the loop", "hold up the exit"],
)
def test_serve_ends_soon_whatever_tools_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: ScriptedModel,
    tools: list[str],
    number: signal.Signals,
    code: int,
) -> None:
    hung = tmp_path / "hung"
    monkeypatch.setenv(PROCESS_FILE, str(hung))
    with Product(tmp_path, model.url, phone="tests.support.hanging_phone:phone") as product:
        with ListeningCall(product.uri(), 1) as call:
            call.wait_until(lambda one: len(one.heard) > 20)
            pids = list(children_of(product.pid).values())
            for tool in tools:
                assert model.command(f"tool 1 {tool}")["ok"]
            time.sleep(1.2)
            assert health_of(product) == (200, "ok")
            if "hangs_in_a_process" in tools:
                call.wait_until(lambda _: hung.exists() and hung.read_text() != "")
                pids.append(int(hung.read_text()))
            os.kill(product.pid, number)
            assert product.wait(PROMPT_SECONDS if code == 0 else FORCED_SECONDS) == code
        time.sleep(0.2)
        assert [pid for pid in pids if is_running(pid)] == []


@needs_proc
def test_health_tells_a_silent_engine_and_its_death_ends_serve_with_1(
    tmp_path: Path, model: ScriptedModel
) -> None:
    journal = tmp_path / "calls"
    settings = f'[record]\ndirectory = "{journal}"\n'
    with Product(tmp_path, model.url, settings=settings) as product:
        with suppress(CallError), ListeningCall(product.uri(), 1) as call:
            call.wait_until(lambda one: len(one.heard) > 20)
            assert health_of(product) == (200, "ok")
            engine = children_of(product.pid)["engine"]
            os.kill(engine, signal.SIGSTOP)
            until = time.monotonic() + 8.0
            while health_of(product) != (503, "engine is silent"):
                assert time.monotonic() < until
                time.sleep(0.1)
            os.kill(engine, signal.SIGKILL)
            assert product.wait(PROMPT_SECONDS) == 1
        died = [line for line in product.log_lines() if line["event"].startswith("a part")]
        assert [(line["part"], line["fault"]) for line in died] == [("engine", "ours")]
    (path,) = journal.iterdir()
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["payload"]["type"] == "call.ended"
    assert (last["payload"]["by"], last["payload"]["cause"]) == ("failure", "the engine died")


@needs_proc
def test_death_of_the_embedded_server_ends_serve_with_1(tmp_path: Path) -> None:
    with Product(tmp_path) as product:
        parts = children_of(product.pid)
        os.kill(parts["embedded"], signal.SIGKILL)
        assert product.wait(PROMPT_SECONDS) == 1
        died = [line for line in product.log_lines() if line["event"].startswith("a part")]
        assert [line["part"] for line in died] == ["embedded server"]
        assert not is_running(parts["engine"])


@needs_proc
def test_journal_of_a_call_that_is_up_at_the_end_is_complete(
    tmp_path: Path, model: ScriptedModel
) -> None:
    journal = tmp_path / "calls"
    settings = f'[record]\ndirectory = "{journal}"\n'
    with (
        Product(tmp_path, model.url, settings=settings) as product,
        ListeningCall(product.uri(), 1) as call,
    ):
        call.wait_until(lambda one: len(one.heard) > 20)
        os.kill(product.pid, signal.SIGTERM)
        assert product.wait(PROMPT_SECONDS) == 0
        assert call.is_ended, "hung up"
    (path,) = journal.iterdir()
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["payload"]["type"] == "call.ended"
    assert last["payload"]["cause"] == "engine stopped"
