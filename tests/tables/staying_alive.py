"""Table staying-alive: a call that loses its session twice and outlives a third keeps its caller.

A caller is on a real SIP call to `telephony serve`, whose model is a scripted server over a real
WebSocket. Its session breaks off while a tool is at work; the next one in the middle of a sentence,
and the server is busy when it is asked for another; that one says when it will end, and is renewed
before. Then what the last session was told is held against what was said. Behind the checks stand
the call's timeline and the items of its last session.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.listening_caller import ListeningCall
from tests.support.model.response import TRANSCRIPT
from tests.support.model_server import ScriptedModel
from tests.support.patience import wait_until
from tests.support.product import Product
from tests.support.product import Row as LogRow
from tests.support.wake_floor import WakeFloor
from tests.tables.row import Row

CALL = 7
FILLER_SECONDS = 0.5
SILENCE_SECONDS = 3.0
GRACE_SECONDS = 0.1
"""For a packet's way, and for the caller to look at it, beyond what the machine stood still."""
CREATE = "conversation.item.create"
APPEND = "input_audio_buffer.append"
WANTED = (
    ("assistant", TRANSCRIPT),
    ("user", "Where is my order?"),
    ("function_call", "sleeps"),
    ("function_call_output", "slept"),
    ("assistant", TRANSCRIPT),
    ("assistant", TRANSCRIPT),
    ("user", "[keys 5#]"),
    ("assistant", TRANSCRIPT),
)
"""The conversation up to the last session, in its order."""
SHOWN = {
    "agent.configured": ("agent",),
    "call.answered": ("codec",),
    "call.ended": ("by", "cause"),
    "caller.speech_started": (),
    "caller.speech_stopped": (),
    "keys.collected": ("keys",),
    "playout.finished": (),
    "speech.transcribed": ("role", "text"),
    "tool.requested": ("name",),
    "trouble": ("code", "text"),
    "voice.closed": ("epoch", "reason"),
    "voice.granted": ("epoch", "after_ms"),
    "voice.lost": ("epoch", "reason"),
    "voice.renewing": ("epoch",),
    "voice.restored": ("epoch", "items", "estimated", "audio_ms", "after_ms"),
}
"""What of the event log the timeline shows, and which fields."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one session of the model was told, in order.

    Attributes:
        events: Types of the client's events, appends in a row as one.
        items: Of the conversation: role or type, and text, name or output.
    """

    events: Sequence[str]
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Story:
    """What became of the call.

    Attributes:
        rows: Its event log.
        calls: How many calls the product knows.
        is_up: Whether it was up until the caller hung up.
        filler_s: From the first loss to the first sound behind it.
        silence_s: The longest silence of a caller who waited for a session.
        stood_still_s: How long the machine let nothing run.
        sessions: What each session of the model was told.
        outlived: Whether the server ended a session for its age while it was in charge.
        was_warned: Whether it was said at the start that the settings ask for no transcripts.
    """

    rows: Sequence[LogRow]
    calls: int
    is_up: bool
    filler_s: float
    silence_s: float
    stood_still_s: float
    sessions: Sequence[Told]
    outlived: bool
    was_warned: bool


def run() -> list[Row]:
    """Make the call."""
    story = make_call()
    return [*checks(story), *timeline(story.rows), *last_items(story)]


def make_call() -> Story:
    """Tell the story of one call."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alive")))
        model = stack.enter_context(ScriptedModel("attentive", folder / "model.jsonl"))
        product = stack.enter_context(
            Product(folder, model.url, phone="tests.support.phones:toolbox")
        )
        floor = stack.enter_context(WakeFloor())
        floor.take()
        with ListeningCall(product.uri(), CALL) as caller:
            call_id = product.call_ids()[-1]
            _live(model, product, caller, call_id)
            is_up = not caller.is_ended
            rows = product.rows(call_id)
            begun_s = caller.answered_s - _row(rows, "call.answered")["at_ms"] / 1000
            silences = list(_silences(caller, rows, begun_s))
        wait_until(lambda: product.rows(call_id)[-1]["type"] == "call.ended")
        log = model.rows()
        return Story(
            rows=product.rows(call_id),
            calls=len(product.call_ids()),
            is_up=is_up,
            filler_s=silences[0][0],
            silence_s=max(longest for _, longest in silences),
            stood_still_s=floor.take().worst_ms / 1000,
            sessions=[told_of(log, number) for number in sorted({row["session"] for row in log})],
            outlived=_outlived(log),
            was_warned=any("transcribe_with" in line["event"] for line in product.log_lines()),
        )


def _live(model: ScriptedModel, product: Product, caller: ListeningCall, call_id: str) -> None:
    """Let the call lose two sessions, and cross the limit of the third."""
    caller.wait_until(lambda one: bool(one.heard) and one.heard[-1].is_audible)
    product.wait_for_row(call_id, "playout.finished")
    model.command(f"speech {CALL}")
    product.wait_for_row(call_id, "speech.transcribed", such=_is_callers)
    model.command("script in-mid-sentence")
    model.command(f"tool {CALL} sleeps")
    product.wait_for_row(call_id, "tool.requested")
    model.command(f"drop {CALL}")
    product.wait_for_row(call_id, "voice.restored", such=lambda row: row["epoch"] == 1)
    _wait_for_words_of(model, 2)
    model.command("script short-lived")
    model.command("refuse 1")
    model.command(f"drop {CALL}")
    product.wait_for_row(call_id, "voice.restored", such=lambda row: row["epoch"] > 1)
    _wait_for_words_of(model, 3)
    caller.wait_until(lambda one: not one.heard[-1].is_audible)
    caller.press("5#")
    product.wait_for_row(call_id, "keys.collected")
    product.wait_for_row(call_id, "voice.restored", such=lambda row: not row["after_ms"])
    time.sleep(0.5)  # what the session says first, and the server's limit a little later


def _is_callers(row: LogRow) -> bool:
    return bool(row["role"] == "caller")


def _wait_for_words_of(model: ScriptedModel, session: int) -> None:
    wait_until(
        lambda: [r for r in model.rows() if (r["session"], r["kind"]) == (session, "audio_sent")]
    )
    time.sleep(0.7)


def _row(rows: Sequence[LogRow], kind: str) -> LogRow:
    return next(row for row in rows if row["type"] == kind)


def _silences(
    caller: ListeningCall, rows: Sequence[LogRow], begun_s: float
) -> Iterator[tuple[float, float]]:
    """Give, for each loss, the silence right behind it, and the longest until words came again."""
    for index, row in enumerate(rows):
        if row["type"] != "voice.lost":
            continue
        lost_s = begun_s + row["at_ms"] / 1000
        over = (one for one in rows[index:] if one["type"] == "playout.finished")
        until_s = begun_s + next(over, rows[-1])["at_ms"] / 1000
        heard = (one.at_s for one in caller.heard if one.is_audible and one.at_s > lost_s)
        yield next(heard) - lost_s, caller.longest_silence_s(lost_s, until_s)


def told_of(log: Sequence[dict[str, Any]], session: int) -> Told:
    """Find what a session was told."""
    events: list[str] = []
    items: list[tuple[str, str]] = []
    for row in log:
        if (row["session"], row["kind"]) != (session, "client"):
            continue
        if row["event"] != APPEND or events[-1:] != [APPEND]:
            events.append(row["event"])
        if row["event"] == CREATE:
            items.append(_item(row["fields"]["item"]))
    return Told(events, items)


def _item(item: dict[str, Any]) -> tuple[str, str]:
    if item["type"] == "message":
        return str(item["role"]), str(item["content"][0]["text"])
    return str(item["type"]), str(item.get("name") or item["output"])


def _outlived(log: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a session was ended for its age and had not been closed by us before."""
    closed = {row["session"] for row in log if row["kind"] == "closed" and row["code"] == 1000}
    reached = {row["session"] for row in log if row["kind"] == "limit_reached"}
    return bool(reached - closed)


def checks(story: Story) -> Iterator[Row]:
    """Judge the call."""
    kinds = [str(row["type"]) for row in story.rows]
    restored = [row for row in story.rows if row["type"] == "voice.restored"]
    granted, grace_s = kinds.count("voice.granted"), GRACE_SECONDS + story.stood_still_s
    yield _check("the caller stays on one call", story.is_up and story.calls == 1, story.calls)
    losses = kinds.count("voice.lost")
    yield _check("two sessions are lost", losses == 2, losses)
    yield _check("each is followed by another", (granted, len(restored)) == (4, 3), granted)
    renewed = [row for row in restored if not row["after_ms"]]
    yield _check("the limit is not waited for", len(renewed) == 1 and not story.outlived, "")
    told = f"{story.filler_s:.2f} s"
    yield _check("patience is asked for at once", story.filler_s <= FILLER_SECONDS + grace_s, told)
    silence = f"{story.silence_s:.2f} s"
    yield _check("no silence of 3 s", story.silence_s < SILENCE_SECONDS + grace_s, silence)
    busy = next((row for row in restored if row["epoch"] == 3), None)
    waited = busy["after_ms"] if busy is not None else 0
    yield _check("a busy server is left alone for 1 s", waited >= 1_500, f"{waited} ms")
    orders = [told for told in story.sessions if told.events and not is_in_order(told)]
    yield _check("settings, items, audio: in order", not orders, len(orders))
    greetings = sum(row["type"] == "agent.configured" for row in story.rows)
    yield _check("the greeting is not repeated", greetings == 1, greetings)
    yield _check("no transcripts: warned at start", story.was_warned, "")
    last = tuple(story.sessions[-1].items)
    yield _check("the last session knows all of it", last == WANTED, f"{len(last)} items")


def is_in_order(told: Told) -> bool:
    """Tell whether the settings came first, then what was before, and the caller's audio last."""
    first_audio = told.events.index(APPEND) if APPEND in told.events else len(told.events)
    before = told.events[:first_audio]
    return before[:1] == ["session.update"] and set(before[1:]) <= {CREATE}


def _check(name: str, is_so: bool, figure: object) -> Row:
    return Row(name, is_so, {"what": str(figure)})


def timeline(rows: Sequence[LogRow]) -> Iterator[Row]:
    """Show the call's event log."""
    for row in rows:
        kind = str(row["type"])
        if kind in SHOWN:
            told = ", ".join(f"{name} {row[name]}" for name in SHOWN[kind])
            yield Row(f"{row['at_ms'] / 1000:7.3f} s  {kind}", ok=True, figures={"what": told})


def last_items(story: Story) -> Iterator[Row]:
    """Show what the last session was told of the conversation."""
    for number, (who, text) in enumerate(story.sessions[-1].items, 1):
        yield Row(f"item {number}  {who}", ok=True, figures={"what": text})
