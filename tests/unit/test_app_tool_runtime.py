"""Where tools run: whatever one does, the model gets an answer and the process lives."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Annotated

import pytest
from pydantic import AfterValidator
from structlog.testing import capture_logs

from telephony import tool
from telephony.agent import AnyTool
from telephony.app.tool_runtime import ToolRuntime
from telephony.app.tool_threads import ToolThreads

MAIN_PROCESS = os.getpid()


@tool
async def on_the_loop(text: str) -> str:
    """Give the text back."""
    return f"{text} from {threading.current_thread().name}"


@tool
def in_a_thread(text: str) -> str:
    """Give the text back."""
    return f"{text} from {threading.current_thread().name}"


@tool(executor="process")
def in_a_process() -> int:
    """Say where it runs."""
    return os.getpid()


@tool(executor="process", timeout_s=0.2)
def hangs_in_a_process() -> None:
    """Compute for ever, deaf to all requests to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


@tool(executor="process")
def takes_a_secret(text: Annotated[object, AfterValidator(lambda _: threading.Lock())]) -> None:
    """Be given what no process can hand another."""


@tool(executor="process")
def ends_its_process() -> None:
    """Take its process down."""
    os._exit(3)


@tool(timeout_s=0.05)
async def never_ends() -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


@tool(timeout_s=0.05)
async def refuses_to_be_cancelled() -> str:
    """Go on for a while, whoever wants it to end."""
    for _ in range(20):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
    return "late"


@tool
async def is_cancelled_by_itself() -> None:
    """Wait for something that was given up."""
    given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    given_up.cancel()
    await given_up


let_go = threading.Event()


@tool(timeout_s=0.05)
def hangs() -> str:
    """Wait for what does not come."""
    let_go.wait()
    return "late"


@tool
def stops_an_iteration() -> None:
    """Fail in a way that no coroutine may."""
    raise StopIteration


@tool
async def times_out_by_itself() -> None:
    """Fail as a client library would."""
    raise TimeoutError("the database")


@tool
def raises() -> None:
    """Fail."""
    raise RuntimeError("secret of the database")


@tool
async def exits() -> None:
    """Ask for the end of the process."""
    sys.exit(1)


@tool
def exits_in_a_thread() -> None:
    """Ask for the end of the process."""
    raise SystemExit(1)


@tool
def megabyte() -> str:
    """Say far too much."""
    return "x" * 1_000_000


@tool
def no_json() -> object:
    """Give what JSON cannot carry."""
    return object()


ARGUMENTS: dict[AnyTool, str] = {hangs: "", in_a_thread: '{"text": "well"}'}


@contextmanager
def runtime(threads: int = 8) -> Generator[tuple[ToolRuntime, list[str]]]:
    failures: list[str] = []
    let_go.clear()
    tools = ToolRuntime(failures.append, ToolThreads(threads))
    yield tools, failures
    tools.close()
    let_go.set()


def run(one: AnyTool, arguments: str = "{}") -> tuple[str, list[str]]:
    """Run one tool; give what the model is told, and the failures counted."""
    with runtime() as (tools, failures):
        return asyncio.run(tools.run(one, arguments, call_id="e1-1")), failures


def test_an_async_tool_runs_on_the_loop_and_a_plain_one_in_a_thread() -> None:
    assert run(on_the_loop, '{"text": "hi"}') == ("hi from MainThread", [])
    said, failures = run(in_a_thread, '{"text": "hi"}')
    assert said.startswith("hi from tool_")
    assert failures == []


def test_a_tool_that_computes_runs_in_another_process() -> None:
    said, failures = run(in_a_process)
    assert int(said) != MAIN_PROCESS
    assert failures == []


def test_a_tool_that_ends_its_process_fails_and_the_next_one_runs() -> None:
    async def main(tools: ToolRuntime) -> list[str]:
        calls = (ends_its_process, in_a_process)
        return [await tools.run(one, "", call_id="e1-1") for one in calls]

    with capture_logs(), runtime() as (tools, failures):
        broken, well = asyncio.run(main(tools))
    assert broken == "error: ends_its_process failed: its process ended"
    assert well.isdecimal()
    assert failures == ["failed"]


def test_a_process_is_kept_for_the_next_call() -> None:
    async def main(tools: ToolRuntime) -> list[str]:
        return [await tools.run(in_a_process, "", call_id="e1-1") for _ in range(2)]

    with runtime() as (tools, _):
        first, second = asyncio.run(main(tools))
    assert first == second
    assert not is_running(int(first)), "closed with us"


def test_a_process_that_hangs_is_killed_and_the_next_tool_gets_another() -> None:
    async def main(tools: ToolRuntime) -> list[str]:
        calls = (in_a_process, hangs_in_a_process, in_a_process)
        said = [await tools.run(one, "", call_id="e1-1") for one in calls]
        assert tools.threads_taken == 0, "nothing waits for it any more"
        return said

    with capture_logs(), runtime() as (tools, failures):
        first, hung, next_one = asyncio.run(main(tools))
        assert not is_running(int(first))
    assert hung == "error: hangs_in_a_process did not answer within 0.2 s"
    assert int(next_one) != int(first)
    assert failures == ["timeout"]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_arguments_that_no_process_can_be_handed_are_a_failure() -> None:
    with capture_logs():
        said, failures = run(takes_a_secret, '{"text": "x"}')
    assert said == "error: takes_a_secret failed: TypeError"
    assert failures == ["failed"]


def test_hung_tools_delay_no_other_until_the_named_bound_and_then_it_is_said() -> None:
    async def main(tools: ToolRuntime) -> list[str]:
        calls = (hangs, hangs, in_a_thread, in_a_thread, hangs, in_a_thread)
        said = [await tools.run(one, ARGUMENTS[one], call_id="e1-1") for one in calls]
        assert tools.threads_taken == 3
        return said

    with capture_logs() as logs, runtime(threads=3) as (tools, failures):
        first, second, well, again, third, refused = asyncio.run(main(tools))
    assert {first, second, third} == {"error: hangs did not answer within 0.05 s"}
    assert well.startswith("well from tool_")
    assert again.startswith("well from tool_")
    assert refused == "error: in_a_thread cannot run now: all 3 threads for tools are taken"
    assert failures == ["timeout", "timeout", "timeout", "busy"]
    assert logs[-1]["event"] == "tool refused"


@pytest.mark.parametrize("one", [never_ends, refuses_to_be_cancelled, hangs])
def test_a_tool_that_hangs_is_given_up_in_its_time(one: AnyTool) -> None:
    with capture_logs() as logs:
        said, failures = run(one)
    assert said == f"error: {one.name} did not answer within 0.05 s"
    assert failures == ["timeout"]
    assert (logs[0]["event"], logs[0]["seconds"], logs[0]["fault"]) == (
        "tool timed out",
        0.05,
        "tool",
    )


def test_a_timeout_of_the_tools_own_is_not_called_ours() -> None:
    with capture_logs():
        assert run(times_out_by_itself) == (
            "error: times_out_by_itself failed: TimeoutError",
            ["failed"],
        )


def test_a_tool_that_raises_tells_the_model_no_details_and_the_log_all() -> None:
    with capture_logs() as logs:
        assert run(raises) == ("error: raises failed: RuntimeError", ["failed"])
    assert (logs[0]["event"], logs[0]["call"], logs[0]["fault"]) == ("tool failed", "e1-1", "tool")
    assert "secret of the database" in logs[0]["exception"]


@pytest.mark.parametrize(
    ("one", "kind"),
    [(is_cancelled_by_itself, "CancelledError"), (stops_an_iteration, "StopIteration")],
)
def test_a_failure_of_an_unusual_kind_is_answered_as_well(one: AnyTool, kind: str) -> None:
    with capture_logs():
        assert run(one) == (f"error: {one.name} failed: {kind}", ["failed"])


@pytest.mark.parametrize("one", [exits, exits_in_a_thread])
def test_a_tool_that_wants_to_end_the_process_does_not(one: AnyTool) -> None:
    with capture_logs():
        assert run(one) == (f"error: {one.name} failed: SystemExit", ["failed"])


@pytest.mark.parametrize("arguments", ["{}", "[]", "what?", '{"text": "a", "b": 2}'])
def test_arguments_that_do_not_fit_are_the_models_fault(arguments: str) -> None:
    with capture_logs() as logs:
        said, failures = run(on_the_loop, arguments)
    assert said.startswith("error: ")
    assert failures == ["arguments"]
    assert logs[0]["fault"] == "model"


def test_a_megabyte_is_cut_and_says_so() -> None:
    with capture_logs() as logs:
        said, failures = run(megabyte)
    assert len(said) == 16_384
    assert said.endswith("[cut: the result has 1000000 characters]")
    assert failures == ["too_long"]
    assert logs[0]["event"] == "tool result cut"


def test_a_result_that_json_cannot_carry_is_the_tools_fault() -> None:
    with capture_logs():
        assert run(no_json) == ("error: no_json failed: ToolResultError", ["failed"])


def test_a_runtime_that_ran_nothing_closes() -> None:
    threads = threading.active_count()
    runtime = ToolRuntime()
    runtime.close()
    runtime.close()
    assert threading.active_count() <= threads
