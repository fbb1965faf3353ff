"""One call from the loop of its session: its rows, commands, transfers, and what is bounded."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest
from structlog.testing import capture_logs

from telephony.app.sdk_link import HUNG, MAX_WAITING_ROWS, CallLink, current_call
from telephony.app.transfers import NOT_ALLOWED, UNDER_WAY
from telephony.app.way import SipWay
from telephony.call import (
    AddWords,
    AgentConfigured,
    AnswerCall,
    CallCommandBody,
    CallEnded,
    DigitPressed,
    GiveToolResult,
    HangUp,
    PlayoutFinished,
    SendDigits,
    StartTransfer,
    TransferEnded,
    VoicePlan,
)
from telephony.errors import LocalError

PLAN = VoicePlan(url="ws://model.test", agent="desk")
ENDED = CallEnded(by="remote", cause="hung up")
TARGET = "sip:operator@127.0.0.1"


class Bench:
    """A link, bound to the loop that makes it, and the commands that it gave."""

    def __init__(self, *, is_bound: bool = True) -> None:
        self.commands: list[CallCommandBody] = []
        self.link = CallLink(
            "e1-1",
            SipWay(self.commands.append),
            self.commands.append,
            lambda target: target == TARGET,
        )
        if is_bound:
            self.link.bind()
            self.link.handle_row(AgentConfigured(agent="desk"))

    async def given(self) -> list[CallCommandBody]:
        """Let what is on its way arrive."""
        await asyncio.sleep(0)
        return self.commands

    async def transfer(self, call: str = "c1") -> "asyncio.Task[str]":
        """Ask for a transfer, as a function does."""
        asking = asyncio.create_task(self.link.transfer(TARGET, call))
        await asyncio.sleep(0)
        return asking


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 30))


def test_rows_come_in_order_also_those_from_before_the_session_to_the_last() -> None:
    async def main() -> None:
        bench = Bench(is_bound=False)
        early = DigitPressed(digit="1", method="rtp")
        bench.link.handle_row(early)
        bench.link.bind()
        rows = bench.link.rows()
        assert await anext(rows) == early
        waiting = asyncio.ensure_future(anext(rows))
        await asyncio.sleep(0)
        assert not waiting.done()
        bench.link.handle_row(PlayoutFinished())
        bench.link.handle_row(ENDED)
        assert await waiting == PlayoutFinished()
        assert [row async for row in rows] == [ENDED]

    run(main)


def test_commands_go_to_the_engine_until_the_call_is_over() -> None:
    async def main() -> None:
        bench = Bench()
        assert not bench.link.is_answered
        bench.link.answer(PLAN)
        assert bench.link.is_answered
        bench.link.handle_row(ENDED)
        bench.link.command(HangUp())
        assert await bench.given() == [AnswerCall(plan=PLAN)]
        assert bench.link.is_over

    run(main)


def test_what_is_asked_before_there_is_an_agent_waits_for_it_but_hanging_up() -> None:
    async def main() -> None:
        bench = Bench(is_bound=False)
        bench.link.bind()
        bench.link.command(AddWords(text="Greet Ann."))
        bench.link.command(HangUp())
        assert await bench.given() == [HangUp()]
        bench.link.handle_row(AgentConfigured(agent="desk"))
        bench.link.command(AddWords(text="Be brief."))
        bench.link.handle_row(AgentConfigured(agent="billing"))
        words = [AddWords(text="Greet Ann."), AddWords(text="Be brief.")]
        assert await bench.given() == [HangUp(), *words]

    run(main)


def test_a_session_that_takes_no_rows_loses_its_call_once() -> None:
    async def main() -> None:
        bench = Bench(is_bound=False)
        with capture_logs() as logs:
            for _ in range(MAX_WAITING_ROWS + 3):
                bench.link.handle_row(PlayoutFinished())
        assert bench.commands == [HangUp(cause=HUNG)]
        assert [entry["fault"] for entry in logs] == ["user code"]
        bench.link.handle_row(ENDED)
        bench.link.bind()
        rows = [row async for row in bench.link.rows()]
        assert len(rows) == MAX_WAITING_ROWS + 1
        assert rows[-1] == ENDED, "the end is never dropped"

    run(main)


def test_a_result_draws_words_where_the_session_wants_some() -> None:
    async def main() -> None:
        bench = Bench()
        bench.link.give_result("c1", "open", respond=True)
        bench.link.give_result("c2", "not found", respond=False)
        assert await bench.given() == [
            GiveToolResult(tool_call_id="c1", output="open", respond=True),
            GiveToolResult(tool_call_id="c2", output="not found", respond=False),
        ]

    run(main)


def test_hanging_up_waits_for_the_words_and_draws_no_more() -> None:
    async def main() -> None:
        bench = Bench()
        text = bench.link.hang_up("c1")
        bench.link.give_result("c1", text, respond=True)
        assert await bench.given() == [
            HangUp(after_words=True, cause="the agent hung up"),
            GiveToolResult(tool_call_id="c1", output=text, respond=False),
        ]

    run(main)


def test_the_result_of_pressed_keys_is_the_engines_to_give() -> None:
    async def main() -> None:
        bench = Bench()
        bench.link.give_result("c1", bench.link.press("12#", "c1"), respond=True)
        assert await bench.given() == [SendDigits(digits="12#", tool_call_id="c1")]

    run(main)


def test_a_transfer_that_fails_is_told_and_another_may_follow() -> None:
    async def main() -> None:
        bench = Bench()
        for outcome, status, said in (("busy", 486, "busy (486)"), ("failed", None, "failed")):
            asking = await bench.transfer()
            bench.link.handle_row(TransferEnded(target=TARGET, outcome=outcome, status=status))
            assert await asking == f"The transfer did not work: {said}."
        assert await bench.given() == [StartTransfer(target=TARGET)] * 2

    run(main)


def test_a_second_transfer_meanwhile_is_refused_and_draws_no_words() -> None:
    async def main() -> None:
        bench = Bench()
        asking = await bench.transfer()
        assert await bench.link.transfer(TARGET, "c2") == UNDER_WAY
        bench.link.give_result("c2", UNDER_WAY, respond=True)
        result = GiveToolResult(tool_call_id="c2", output=UNDER_WAY, respond=False)
        assert await bench.given() == [StartTransfer(target=TARGET), result]
        asking.cancel()

    run(main)


@pytest.mark.parametrize("outcome", ["connected", "handed_off"])
def test_a_transfer_that_worked_never_comes_back(outcome: str) -> None:
    async def main() -> None:
        bench = Bench()
        asking = await bench.transfer()
        bench.link.handle_row(TransferEnded(target=TARGET, outcome=outcome))
        done, _ = await asyncio.wait({asking}, timeout=0.05)
        assert not done
        asking.cancel()

    run(main)


def test_a_transfer_that_was_cancelled_leaves_its_end_to_nobody() -> None:
    async def main() -> None:
        bench = Bench()
        asking = await bench.transfer()
        asking.cancel()
        await asyncio.wait({asking})
        bench.link.handle_row(TransferEnded(target=TARGET, outcome="busy"))
        bench.link.handle_row(TransferEnded(target=TARGET, outcome="busy"))
        await asyncio.sleep(0)
        assert asking.cancelled()

    run(main)


def test_a_transfer_that_is_not_allowed_is_refused() -> None:
    async def main() -> None:
        bench = Bench()
        assert await bench.link.transfer("sip:+1900@expensive.example", "c1") == NOT_ALLOWED
        assert await bench.given() == []

    run(main)


def test_a_function_finds_the_call_that_runs_it_and_outside_of_one_says_so() -> None:
    async def main() -> None:
        with pytest.raises(LocalError, match="runs only in one"):
            current_call()
        found = await asyncio.create_task(within())
        assert isinstance(found, CallLink)
        with pytest.raises(LocalError):
            current_call()

    async def within() -> CallLink:
        bench = Bench()
        assert await asyncio.create_task(asyncio.to_thread(current_call)) is bench.link
        return bench.link

    run(main)
