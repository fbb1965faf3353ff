"""Holds the product's event log against what the far end observed, step by step."""

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from telephony.app.demo.cut import HeardItem, follow_item
from telephony.app.demo.observed import HeardCall, Observations
from telephony.app.demo.report import Step, Truncation
from telephony.call import (
    CallAnswered,
    CallEnded,
    CallerSpeechStarted,
    CallEvent,
    CallIncoming,
    CallPlaced,
    DigitPressed,
    ItemTruncatedAt,
    SpeechTranscribed,
    ToolRequested,
    TransferEnded,
    TransferRequested,
)
from telephony.local.dialog import Phrase
from telephony.local.speaker import Speaker
from telephony.local.voices import Voice
from telephony_codecs import AudioFormat

__all__ = ["AgentItem", "Evidence", "judge", "weigh"]

SENTENCE_END = re.compile(r"(?<=[.!?]) ")
HOURS_TOOL = "opening_hours"
CALLS_PLACED = 2
"""By the caller: to the agent, and to the operator in its place."""

Payload = TypeVar("Payload")


@dataclass(frozen=True, slots=True)
class AgentItem:
    """One item of the agent's, and what arrived of it.

    Attributes:
        item_id: The item.
        text: What it says, whole.
        audio: What it holds, whole: mu-law, 8,000 Hz.
        heard: What arrived; None for nothing.
        began: When its first sample arrived, in Unix seconds.
    """

    item_id: str
    text: str
    audio: bytes
    heard: HeardItem | None
    began: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both sides of the story.

    Attributes:
        rows: The product's event log of the call.
        observed: What the far end saw.
        items: The agent's items, held against what was heard of them.
        operator: Where the transfer had to lead.
        started: When the caller called, in Unix seconds.
    """

    rows: tuple[CallEvent, ...]
    observed: Observations
    items: tuple[AgentItem, ...]
    operator: str
    started: float

    def first(self, kind: type[Payload], who: str | None = None) -> tuple[float, Payload] | None:
        """Give the first row of a kind and its time: the product's, or that of a telephone."""
        rows = (
            self.rows if who is None else [one.row for one in self.observed.rows if one.who == who]
        )
        for row in rows:
            payload = row.payload
            if isinstance(payload, kind):
                return row.wall, payload
        return None

    def move(self, name: str) -> float | None:
        """Give the time of one of the people's moves."""
        return next((one.wall for one in self.observed.moves if one.move == name), None)

    def ms(self, wall: float | None) -> int | None:
        """Give an instant in milliseconds since the call."""
        return None if wall is None else round((wall - self.started) * 1000)


def weigh(rows: Sequence[CallEvent], observed: Observations, operator: str) -> Evidence:
    """Find each item of the agent's in what the caller heard."""
    started = observed.moves[0].wall if observed.moves else 0.0
    call = observed.calls[0] if observed.calls else None
    speaker = Speaker(Voice.load())
    items: list[AgentItem] = []
    after = 0
    for row in rows:
        said = row.payload
        if not isinstance(said, SpeechTranscribed) or said.role != "agent":
            continue
        item = _find(said, call, _spoken_ways(speaker, said.text), after)
        if item.heard is not None:
            after = item.heard.end
        items.append(item)
    return Evidence(tuple(rows), observed, tuple(items), operator, started)


def _spoken_ways(speaker: Speaker, text: str) -> list[bytes]:
    """Give the audio of a text in both ways it may be cut into phrases: whole, or by sentences."""
    ways = ([text], SENTENCE_END.split(text))
    return [
        b"".join(
            b64decode(chunk.base64)
            for phrase in speaker.say([Phrase(one) for one in phrases], AudioFormat.PCMU)
            for chunk in phrase.chunks
        )
        for phrases in ways
    ]


def _find(
    said: SpeechTranscribed, call: HeardCall | None, ways: Sequence[bytes], after: int
) -> AgentItem:
    found: list[tuple[int, bytes, HeardItem]] = []
    for audio in ways:
        heard = follow_item(call.heard, call.chunks, audio, after) if call is not None else None
        if heard is not None:
            found.append((heard.latest, audio, heard))
    if call is None or not found:
        return AgentItem(said.item_id, said.text, ways[0], None, None)
    _, audio, heard = max(found, key=lambda one: one[0])
    began = next(
        (one.wall for one in reversed(call.chunks) if one.offset <= heard.start),
        call.chunks[0].wall,
    )
    return AgentItem(said.item_id, said.text, audio, heard, began)


def judge(evidence: Evidence) -> tuple[tuple[Step, ...], tuple[Truncation, ...]]:
    """Say of each step whether it happened, and of each truncation how far it is off."""
    truncations = tuple(_truncations(evidence))
    steps = (
        _greeting(evidence),
        _interruption(evidence, truncations),
        _digit(evidence),
        _transfer(evidence),
        _hangup(evidence),
    )
    return steps, truncations


def _truncations(evidence: Evidence) -> list[Truncation]:
    by_id = {item.item_id: item for item in evidence.items}
    call = evidence.observed.calls[0] if evidence.observed.calls else None
    found: list[Truncation] = []
    case = "speech"
    for row in evidence.rows:
        match row.payload:
            case CallerSpeechStarted():
                case = "speech"
            case DigitPressed():
                case = "key"
            case ItemTruncatedAt() as cut:
                item = by_id.get(cut.item_id)
                heard = item.heard if item is not None else None
                after = _audio_after(call, heard, row.wall) if call and heard else []
                found.append(
                    Truncation(
                        case=case,
                        item_id=cut.item_id,
                        truncated_ms=cut.audio_end_ms,
                        sent_samples=cut.sent_samples,
                        far_end_samples=heard.nearest(cut.sent_samples) if heard else None,
                        samples_after=sum(after),
                        packets_after=len(after),
                    )
                )
            case _:
                pass
    return found


def _audio_after(call: HeardCall, heard: HeardItem, flushed: float) -> list[int]:
    """Give the samples of an item in each packet that arrived after the flush."""
    spans = [
        min(one.offset + one.octets, heard.end) - max(one.offset, heard.start)
        for one in call.chunks
        if one.wall > flushed
    ]
    return [samples for samples in spans if samples > 0]


def _greeting(evidence: Evidence) -> Step:
    item = evidence.items[0] if evidence.items else None
    if item is None or item.heard is None:
        return Step("greeting", ok=False, at_ms=None, evidence="the caller did not hear it")
    text = f"heard from its first sample: {item.text.partition('.')[0]!r}"
    return Step("greeting", ok=True, at_ms=evidence.ms(item.began), evidence=text)


def _interruption(evidence: Evidence, truncations: Sequence[Truncation]) -> Step:
    spoke = evidence.move("talks over the agent")
    cut = evidence.first(ItemTruncatedAt)
    of_speech = [one for one in truncations if one.case == "speech"]
    if spoke is None or cut is None or not of_speech:
        missing = "the agent's words were not cut"
        return Step("interruption", ok=False, at_ms=evidence.ms(spoke), evidence=missing)
    after_ms = round((cut[0] - spoke) * 1000)
    text = f"the agent stopped {after_ms} ms after the caller began"
    ok = all(one.ok for one in of_speech)
    return Step("interruption", ok=ok, at_ms=evidence.ms(cut[0]), evidence=text)


def _digit(evidence: Evidence) -> Step:
    pressed = evidence.first(DigitPressed)
    tool = evidence.first(ToolRequested)
    if pressed is None:
        return Step("digit", ok=False, at_ms=None, evidence="the key did not arrive")
    at_ms = evidence.ms(pressed[0])
    if tool is None or tool[1].name != HOURS_TOOL:
        return Step("digit", ok=False, at_ms=at_ms, evidence="the key chose no tool")
    answer = next((one for one in evidence.items if one.began and one.began > tool[0]), None)
    if answer is None or answer.heard is None or not answer.heard.is_whole:
        return Step("digit", ok=False, at_ms=at_ms, evidence="the tool's answer was not heard")
    text = f"key {pressed[1].digit} by {pressed[1].method}; heard whole: {answer.text!r}"
    return Step("digit", ok=True, at_ms=at_ms, evidence=text)


def _transfer(evidence: Evidence) -> Step:
    ended = evidence.first(TransferEnded)
    asked = evidence.first(TransferRequested, "caller")
    taken = evidence.first(CallIncoming, "operator")
    answered = evidence.first(CallAnswered, "operator")
    over = evidence.first(CallEnded)
    if not (ended and asked and taken and answered and over):
        return Step("transfer", ok=False, at_ms=None, evidence="it was not carried out")
    ok = (
        ended[1].outcome == "connected"
        and asked[1].target == evidence.operator
        and answered[0] <= ended[0] <= over[0]
        and over[1].by == "local"
    )
    text = f"REFER to {asked[1].target}: {ended[1].outcome}, then the agent hung up"
    return Step("transfer", ok=ok, at_ms=evidence.ms(ended[0]), evidence=text)


def _hangup(evidence: Evidence) -> Step:
    placed = [
        one.row.call_id
        for one in evidence.observed.rows
        if one.who == "caller" and isinstance(one.row.payload, CallPlaced)
    ]
    ends = {
        one.row.call_id: (one.row.wall, one.row.payload)
        for one in evidence.observed.rows
        if isinstance(one.row.payload, CallEnded)
    }
    over = evidence.first(CallEnded, "operator")
    if len(placed) < CALLS_PLACED or placed[1] not in ends or over is None:
        return Step("hangup", ok=False, at_ms=None, evidence="the call did not end")
    wall, end = ends[placed[1]]
    left = ends.get(placed[0])
    ok = end.by == "local" and over[1].by == "remote" and left is not None and left[0] < wall
    text = f"the caller hung up on the operator after {end.duration_ms / 1000:.1f} s"
    return Step("hangup", ok=ok, at_ms=evidence.ms(wall), evidence=text)
