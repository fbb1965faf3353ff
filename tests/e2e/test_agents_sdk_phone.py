"""A `RealtimeAgent` of openai-agents answers a phone line, unchanged, over the embedded server."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from telephony.app.softphone import PhoneCall, Softphone
from telephony.call import (
    CallAnswered,
    CallEnded,
    DigitPressed,
    PlaceCall,
    PlayAudio,
    ReportTransfer,
    SendDigits,
    TransferRequested,
)
from telephony.engine.settings import EngineSettings, SipListen
from tests.support.agents_sdk_phones import BLOCKED_SECONDS, OPEN
from tests.support.listening_caller import ListeningCall
from tests.support.patience import PATIENCE_SECONDS, wait_until
from tests.support.ports import LOOPBACK, free_range
from tests.support.product import Product, Row

PHONE = "tests.support.agents_sdk_phones:phone"
OPERATOR = "sip:operator@127.0.0.1:5070"
SETTINGS = f'[transfer]\nallow = ["{OPERATOR}"]\n'
CUTS = ("item.truncated", "item.deleted")
SPEECH = Path(__file__).parents[1] / "fixtures" / "speech" / "stop.ulaw"


class Served:
    """The product with agents of that SDK, and what their sessions told."""

    def __init__(self, product: Product, events: Path) -> None:
        self.product = product
        self._events = events
        self._begin = 0

    def begin(self) -> None:
        """Forget what was told before."""
        self._begin = len(self._lines())

    def _lines(self) -> list[str]:
        return self._events.read_text().splitlines() if self._events.exists() else []

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Give what sessions told of one kind since this test began."""
        lines = [json.loads(line) for line in self._lines()[self._begin :]]
        return [line for line in lines if line["kind"] == kind]

    def wait_for(self, kind: str) -> dict[str, Any]:
        """Wait until a session tells something, and give the first of it."""
        wait_until(lambda: bool(self.told(kind)))
        return self.told(kind)[0]

    def raw(self, kind: str) -> list[dict[str, Any]]:
        """Give the rows that the session was told of as `other`, of one type."""
        return [
            one["row"] for one in self.told("raw_model_event") if one["row"].get("type") == kind
        ]

    @property
    def call_id(self) -> str:
        """The newest call."""
        return self.product.call_ids()[-1]

    def row(self, kind: str, such: Callable[[Row], bool] = lambda _: True) -> Row:
        """Wait for a row of the newest call."""
        return self.product.wait_for_row(self.call_id, kind, such=such)

    def rows(self, kind: str) -> list[Row]:
        """Give the rows of a type, of the newest call."""
        return [row for row in self.product.rows(self.call_id) if row["type"] == kind]

    def said(self, words: str) -> Row:
        """Wait until the agent says these words."""
        return self.row("speech.transcribed", lambda row: words in row["text"])


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    events = folder / "events.jsonl"
    environment = {"SDK_EVENTS": str(events), "SDK_OPERATOR": OPERATOR}
    with Product(folder, settings=SETTINGS, phone=PHONE, environment=environment) as product:
        yield Served(product, events)


@pytest.fixture
def served(product: Served) -> Served:
    product.begin()
    return product


def call(
    served: Served, act: Callable[[PhoneCall], Coroutine[Any, Any, None]], *, user: str = "told"
) -> PhoneCall:
    """Call a line, act in the call, and see it end within a time."""

    async def calling() -> PhoneCall:
        first = free_range(20)
        settings = EngineSettings(
            engine_id="caller",
            sip=(SipListen(transport="UDP", host=LOOPBACK, port=0),),
            rtp_ports=(first, first + 20),
            accepts_refer=True,
        )
        async with AsyncExitStack() as stack:
            phone = await stack.enter_async_context(Softphone(settings))
            placed = phone.place(PlaceCall(target=served.product.uri(user), accepts_refer=True))
            await placed.next(CallAnswered)
            await act(placed)
        return placed

    return asyncio.run(asyncio.wait_for(calling(), 4 * PATIENCE_SECONDS))


async def press(placed: PhoneCall, digits: str) -> None:
    placed.command(SendDigits(digits=digits))


def off_loop(check: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
    """Wait for the product without keeping the caller's own engine from running."""
    return asyncio.to_thread(check)


def test_it_greets_by_its_callable_instructions_and_tells_what_its_tool_found(
    served: Served,
) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("this is the Front desk"))
        await press(placed, "1")
        await off_loop(lambda: served.said(OPEN))

    call(served, act)
    assert served.wait_for("tool")["caller"] == "telephony", "the context is the incoming call"
    assert served.wait_for("tool_end")["output"] == OPEN
    assert [row["agent"] for row in served.rows("agent.configured")] == ["Front desk"]
    history = served.wait_for("over")["history"]
    assert [(item["type"], item.get("role")) for item in history] == [
        ("message", "assistant"),
        ("message", "user"),
        ("message", "assistant"),
        ("function_call", None),
        ("message", "assistant"),
    ]
    assert history[0]["content"][0]["transcript"].startswith("Good day telephony")
    assert history[1]["content"] == [{"type": "input_text", "text": "[keys 1]"}]
    assert history[3]["output"] == OPEN
    assert served.told("error") == []


def test_it_hands_over_as_the_sdk_does_and_the_log_names_the_next_agent(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("Front desk"))
        await press(placed, "3")
        await off_loop(lambda: served.said("You are talking to billing"))

    call(served, act)
    assert served.wait_for("handoff")["to"] == "billing"
    assert served.told("on_handoff") == [{"kind": "on_handoff", "caller": "telephony"}]
    agents = [row["agent"] for row in served.rows("agent.configured")]
    assert agents == ["Front desk", "billing"]


def test_a_caller_who_interrupts_cuts_it_at_the_ledgers_millisecond(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: wait_until(lambda: len(served.told("played")) > 2))
        placed.command(PlayAudio(audio=SPEECH.read_bytes()))
        await off_loop(lambda: served.row("item.truncated"))
        await off_loop(lambda: served.wait_for("audio_interrupted"))

    call(served, act)
    cut = served.rows("item.truncated")[0]
    assert cut["audio_end_ms"] == cut["sent_samples"] // 8
    stopped = served.told("stopped")[0]
    assert (stopped["current_item_id"], stopped["elapsed_ms"]) == (
        cut["item_id"],
        cut["audio_end_ms"],
    )
    assert served.raw("item.truncated")[0]["audio_end_ms"] == cut["audio_end_ms"]
    assert served.told("audio_interrupted")[0]["item_id"] == cut["item_id"]
    cut_item = served.wait_for("over")["history"][0]
    assert (cut_item["item_id"], cut_item["status"]) == (cut["item_id"], "incomplete")
    words = cut_item["content"][0]["transcript"]
    assert words.startswith("Good day")
    assert words.endswith("…")
    assert "story" not in words, "of seven choices, the first was never heard"


def test_a_guardrail_that_trips_stops_the_words_and_tells_the_agent_so(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("Front desk"))
        await press(placed, "5")
        await off_loop(lambda: served.wait_for("guardrail_tripped"))
        await off_loop(lambda: served.row("item.noted", is_feedback))
        await off_loop(lambda: served.said("did not understand"))

    def is_feedback(row: Row) -> bool:
        texts: object = row["texts"]
        return texts == ["guardrail triggered: no_stories"]

    call(served, act)
    assert "forbidden" in served.told("guardrail_tripped")[0]["message"]
    greeting, story = [row["item_id"] for kind in CUTS for row in served.rows(kind)][:2]
    assert [one["item_id"] for one in served.told("audio_interrupted")][:2] == [greeting, story]


def test_a_transfer_that_fails_is_told_and_one_that_connects_ends_the_call(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("Front desk"))
        for outcome in (486, 200):
            await press(placed, "2")
            asked = await placed.next(TransferRequested)
            assert asked.target == OPERATOR
            placed.command(ReportTransfer(status=100))
            placed.command(ReportTransfer(status=outcome))
            if outcome == 486:
                await off_loop(lambda: served.said("did not work: busy (486)"))
        await placed.next(CallEnded)

    call(served, act)
    assert served.wait_for("tool_end") == {
        "kind": "tool_end",
        "name": "transfer_to_operator",
        "output": "The transfer did not work: busy (486).",
    }
    outcomes = [row["outcome"] for row in served.rows("transfer.ended")]
    assert outcomes == ["busy", "connected"]
    served.wait_for("over")


def test_it_hangs_up_once_its_goodbye_was_heard(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("Front desk"))
        await press(placed, "4")
        await placed.next(CallEnded)

    call(served, act)
    ended = served.row("call.ended")
    assert (ended["by"], ended["cause"]) == ("local", "the agent hung up")
    assert any("Goodbye" in row["text"] for row in served.rows("speech.transcribed"))
    assert served.wait_for("over")["history"][-1]["type"] == "function_call"


def test_it_presses_keys_towards_the_other_side(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("Front desk"))
        await press(placed, "6")
        await off_loop(lambda: served.said("enter the keys"))
        await press(placed, "42#")
        assert [(await placed.next(DigitPressed)).digit for _ in "42"] == ["4", "2"]

    call(served, act)
    assert served.wait_for("tool_end")["output"] == "Pressing 42."


def test_an_agent_given_as_it_is_answers_with_the_sdks_own_session(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("this is the Plain desk"))
        await press(placed, "1")
        await off_loop(lambda: served.said(OPEN))

    call(served, act, user="anything")
    ended = served.row("call.ended")
    assert ended["by"] == "remote"


def test_a_tool_that_blocks_its_loop_takes_no_audio_from_another_call(served: Served) -> None:
    async def act(placed: PhoneCall) -> None:
        await off_loop(lambda: served.said("Front desk"))
        with ListeningCall(served.product.uri("anything"), 7) as other:
            await press(placed, "7")
            await off_loop(lambda: served.wait_for("tool_end"))
            assert other.longest_gap_s() < BLOCKED_SECONDS / 2

    call(served, act)
    assert served.told("tool_end")[0]["output"] == "blocked"
