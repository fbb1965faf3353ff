"""How `telephony serve` ends: when it is told to, whatever tools do, and when a part of it dies."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from telephony.local.voices import Voice
from tests.support.hanging_phone import PROCESS_FILE
from tests.support.listening_caller import ListeningCall
from tests.support.model_server import ScriptedModel
from tests.support.patience import wait_until
from tests.support.product import Product
from tests.support.sip_dialog import CallError

LISTENING = "0A"
"""State of a socket in /proc/net/tcp."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")

APOLOGY = Voice.load().prompt("apology")
PROMPT_SECONDS = 6.0
"""For an end in order, with one call to hang up."""
FORCED_SECONDS = 10.0
"""For an end that user code holds up: as long as a container's runtime waits before it kills."""

HANG_UP_SECONDS = 3.0
"""For a caller whose far end may be gone."""


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


class Ended(NamedTuple):
    """How a `serve` ended that a signal told to, while its tools were at work."""

    code: int
    seconds: float
    left: list[int]
    """Processes of it that went on."""


class Case(NamedTuple):
    """Which tools are at work, which signal comes, and what status they allow."""

    tools: tuple[str, ...]
    number: signal.Signals
    code: int


CASES = {
    "hang": Case(("hangs_in_a_thread", "hangs_in_a_process"), signal.SIGINT, 0),
    "block the loop": Case(("blocks_the_loop",), signal.SIGTERM, 0),
    "hold up the exit": Case(("leaves_a_thread", "refuses_to_be_cancelled"), signal.SIGTERM, 1),
}


def end_amid_tools(folder: Path, case: Case) -> Ended:
    """Let tools begin during a call, and end the product then."""
    hung = folder / "hung"
    with (
        ScriptedModel("talkative", folder / "model.jsonl") as model,
        Product(
            folder,
            model.url,
            phone="tests.support.hanging_phone:phone",
            environment={PROCESS_FILE: str(hung)},
        ) as product,
    ):
        with ListeningCall(product.uri(), 1, patience_seconds=HANG_UP_SECONDS) as call:
            call.wait_until(lambda one: len(one.heard) > 20)
            pids = list(children_of(product.pid).values())
            for tool in case.tools:
                assert model.command(f"tool 1 {tool}")["ok"]
            time.sleep(1.2)
            assert health_of(product) == (200, "ok")
            if "hangs_in_a_process" in case.tools:
                call.wait_until(lambda _: hung.exists() and hung.read_text() != "")
                pids.append(int(hung.read_text()))
            told_s = time.monotonic()
            os.kill(product.pid, case.number)
            code = product.wait(FORCED_SECONDS)
            seconds = time.monotonic() - told_s
        time.sleep(0.2)
        return Ended(code, seconds, [pid for pid in pids if is_running(pid)])


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ended]]]:
    """Begin all cases at once: each only waits, most of its time."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {
            name: pool.submit(end_amid_tools, tmp_path_factory.mktemp("ending"), case)
            for name, case in CASES.items()
        }


@needs_proc
@pytest.mark.parametrize("name", CASES)
def test_serve_ends_soon_whatever_tools_do(endings: dict[str, Future[Ended]], name: str) -> None:
    ended = endings[name].result()
    assert ended.code == CASES[name].code
    assert ended.seconds < (PROMPT_SECONDS if ended.code == 0 else FORCED_SECONDS)
    assert ended.left == []


@needs_proc
def test_health_tells_a_silent_engine_and_its_death_ends_serve_with_1(
    tmp_path: Path, model: ScriptedModel
) -> None:
    journal = tmp_path / "calls"
    settings = f'[record]\ndirectory = "{journal}"\n'
    with Product(tmp_path, model.url, settings=settings) as product:
        with (
            suppress(CallError),
            ListeningCall(product.uri(), 1, patience_seconds=HANG_UP_SECONDS) as call,
        ):
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


def kill_embedded(product: Product) -> None:
    os.kill(children_of(product.pid)["embedded"], signal.SIGKILL)


def listening_port(pid: int) -> int:
    """Give the TCP port that a process listens on."""
    own = {os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (port,) = (
        row[1].rpartition(":")[2]
        for row in rows
        if row[3] == LISTENING and f"socket:[{row[9]}]" in own
    )
    return int(port, 16)


def take_port(port: int) -> socket.socket:
    """Listen on a TCP port as soon as nobody else does."""
    taken: list[socket.socket] = []

    def is_taken() -> bool:
        with suppress(OSError):
            taken.append(socket.create_server(("127.0.0.1", port)))
        return bool(taken)

    wait_until(is_taken)
    return taken[0]


@needs_proc
def test_a_call_outlives_the_embedded_server(tmp_path: Path) -> None:
    with Product(tmp_path) as product:
        engine = children_of(product.pid)["engine"]
        with ListeningCall(product.uri(), 1) as call:
            call.wait_until(lambda one: any(packet.is_audible for packet in one.heard))
            kill_embedded(product)
            wait_until(lambda: health_of(product)[0] == 503)
            (call_id,) = product.call_ids()
            product.wait_for_row(call_id, "voice.restored")
            call.press("1")
            said = product.wait_for_row(
                call_id, "speech.transcribed", such=lambda row: "Monday" in row["text"]
            )
            assert said["role"] == "agent"
            assert not call.is_ended
        wait_until(lambda: health_of(product) == (200, "ok"))
        assert children_of(product.pid)["engine"] == engine
        told = [line for line in product.log_lines() if line["event"].startswith("the embedded")]
        assert [(line["level"], line["fault"]) for line in told] == [("error", "ours")]


@needs_proc
def test_an_embedded_server_whose_address_was_taken_moves_and_the_next_call_is_answered(
    tmp_path: Path,
) -> None:
    with Product(tmp_path) as product:
        embedded = children_of(product.pid)["embedded"]
        port = listening_port(embedded)
        with ListeningCall(product.uri(), 1) as call:
            call.wait_until(lambda one: any(packet.is_audible for packet in one.heard))
            os.kill(product.pid, signal.SIGSTOP)  # else it is there again before we are
            try:
                kill_embedded(product)
                taken = take_port(port)
            finally:
                os.kill(product.pid, signal.SIGCONT)
            with taken:
                wait_until(lambda: health_of(product) == (200, "ok"))
                call.wait_until(lambda one: one.is_ended)
                assert APOLOGY in call.octets
        ended = product.wait_for_row(product.call_ids()[0], "call.ended")
        assert ended["by"] == "failure"
        with ListeningCall(product.uri(), 2) as call:
            call.wait_until(lambda one: any(packet.is_audible for packet in one.heard))
            assert not call.is_ended
        told = [line for line in product.log_lines() if line["event"].startswith("the embedded")]
        assert [line["level"] for line in told] == ["error", "warning"]


@needs_proc
def test_an_embedded_server_that_dies_again_at_once_ends_serve_with_1(tmp_path: Path) -> None:
    with Product(tmp_path) as product:
        parts = children_of(product.pid)
        kill_embedded(product)
        wait_until(
            lambda: children_of(product.pid).get("embedded", 0) not in {0, parts["embedded"]}
        )
        wait_until(lambda: health_of(product) == (200, "ok"))
        kill_embedded(product)
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
