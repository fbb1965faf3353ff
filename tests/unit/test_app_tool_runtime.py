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
blocking, ended = threading.Event(), threading.Event()


@tool(timeout_s=0.5)
async def blocks() -> None:
    """Wait for what does not come, and let nobody else run."""
    blocking.set()
    let_go.wait()


@tool
async def gives_its_loop() -> int:
    """Say on which loop it runs."""
    return id(asyncio.get_running_loop())


@tool(timeout_s=0.3)
async def notes_its_end() -> None:
    """Wait for ever, and note when that is over."""
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


@tool(timeout_s=0.2)
async def leaves_a_task_that_exits() -> None:
    """Take the loop down that it runs on."""
    asyncio.get_running_loop().call_soon(sys.exit)
    await asyncio.sleep(0)


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


async def threads_fall_to(wanted: int, tools: ToolRuntime) -> None:
    async with asyncio.timeout(10):
        while tools.threads_taken > wanted:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("one", [on_the_loop, in_a_thread])
def test_neither_an_async_tool_nor_a_plain_one_runs_in_the_apps_thread(one: AnyTool) -> None:
    said, failures = run(one, '{"text": "hi"}')
    assert said.startswith("hi from tool_")
    assert failures == []


def test_async_tools_share_a_loop_so_that_clients_with_connections_can_be_kept() -> None:
    async def main(tools: ToolRuntime) -> list[str]:
        said = [await tools.run(gives_its_loop, "", call_id="e1-1") for _ in range(2)]
        assert tools.threads_taken == 1
        return said

    with runtime() as (tools, _):
        first, second = asyncio.run(main(tools))
    assert first == second


def test_an_async_tool_that_blocks_costs_only_its_own_call() -> None:
    async def main(tools: ToolRuntime) -> None:
        hung = asyncio.ensure_future(tools.run(blocks, "", call_id="e1-1"))
        await asyncio.wait({hung}, timeout=5)
        assert hung.result() == "error: blocks did not answer within 0.5 s"
        said = await tools.run(on_the_loop, '{"text": "hi"}', call_id="e1-2")
        assert said.startswith("hi from tool_")
        assert tools.threads_taken == 2
        let_go.set()
        await threads_fall_to(1, tools)  # the loop that was blocked ends when it can

    with capture_logs() as logs, runtime() as (tools, failures):
        asyncio.run(main(tools))
    assert failures == ["timeout"]
    late, blocked = logs
    assert (late["event"], late["tool"], late["call"]) == ("tool timed out", "blocks", "e1-1")
    assert (blocked["event"], blocked["by"]) == ("event loop of the tools blocked", "blocks")


def test_a_tool_given_up_before_it_could_begin_never_begins() -> None:
    async def main(tools: ToolRuntime) -> None:
        blocking.clear()
        ended.clear()
        first = asyncio.ensure_future(tools.run(blocks, "", call_id="e1-1"))
        await asyncio.to_thread(blocking.wait, 10)
        said = await tools.run(notes_its_end, "", call_id="e1-2")
        assert said == "error: notes_its_end did not answer within 0.3 s"
        await first
        let_go.set()
        await threads_fall_to(0, tools)
        assert not ended.is_set()

    with capture_logs(), runtime() as (tools, failures):
        asyncio.run(main(tools))
    assert failures == ["timeout", "timeout"]


def test_blocked_loops_are_bounded_by_the_threads() -> None:
    async def main(tools: ToolRuntime) -> str:
        await tools.run(blocks, "", call_id="e1-1")
        return await tools.run(gives_its_loop, "", call_id="e1-2")

    with capture_logs(), runtime(threads=1) as (tools, failures):
        said = asyncio.run(main(tools))
    assert said == "error: gives_its_loop cannot run now: all 1 threads for tools are taken"
    assert failures == ["timeout", "busy"]


def test_an_async_tool_whose_time_is_up_is_cancelled() -> None:
    ended.clear()
    with capture_logs(), runtime() as (tools, _):
        asyncio.run(tools.run(notes_its_end, "", call_id="e1-1"))
        assert ended.wait(10)


def test_a_loop_that_user_code_ends_is_replaced() -> None:
    async def main(tools: ToolRuntime) -> list[str]:
        calls = (leaves_a_task_that_exits, gives_its_loop)
        return [await tools.run(one, "", call_id="e1-1") for one in calls]

    with capture_logs(), runtime() as (tools, _):
        _, after = asyncio.run(main(tools))
    assert after.isdecimal()


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
