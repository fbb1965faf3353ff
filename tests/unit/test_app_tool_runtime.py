"""Where tools run: whatever one does, the model gets an answer and the process lives."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from telephony import tool
from telephony.agent import AnyTool
from telephony.app.tool_runtime import ToolRuntime

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


@tool(executor="process")
def ends_its_process() -> None:
    """Take its process down."""
    os._exit(3)


@tool(timeout_s=0.05)
async def never_ends() -> None:
    """Wait for ever."""
    await asyncio.Event().wait()


@tool(timeout_s=0.05)
def sleeps_too_long() -> str:
    """Sleep."""
    time.sleep(0.2)
    return "late"


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


@contextmanager
def runtime() -> Generator[tuple[ToolRuntime, list[str]]]:
    failures: list[str] = []
    tools = ToolRuntime(failures.append)
    yield tools, failures
    tools.close()


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
    assert broken == "error: ends_its_process failed: BrokenProcessPool"
    assert well.isdecimal()
    assert failures == ["failed"]


@pytest.mark.parametrize("one", [never_ends, sleeps_too_long])
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
    assert logs[0]["exc_info"]


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
