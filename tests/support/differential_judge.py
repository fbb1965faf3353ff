"""Compares the two models on a stream, and holds what differs against the allow-list."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from agents.realtime.openai_realtime import OpenAIRealtimeWebSocketModel

from telephony.app.agents_sdk import PhoneRealtimeModel
from tests.support.differential import Difference, compare, run_side
from tests.support.differential_allowed import ALLOWED
from tests.support.differential_streams import STREAMS, UNTRACKED

__all__ = ["Verdict", "judge", "streams_named"]

SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Verdict:
    """What became of a stream.

    Attributes:
        frames: How many our model sent.
        events: How many its session told.
        uses: How often each entry of the allow-list covered a difference.
        unexpected: The differences that none covers.
    """

    frames: int
    events: int
    uses: Counter[str]
    unexpected: list[str]


def streams_named(only: str) -> list[str]:
    """Name every stream, or the one that is wanted."""
    return [name for name in STREAMS if only in ("", name)]


def judge(stream: str) -> Verdict:
    """Tell a stream to both sides, and compare what they made of it."""
    story, is_tracked = STREAMS[stream], stream not in UNTRACKED
    ours = run_side(PhoneRealtimeModel(), story, is_tracked=is_tracked)
    theirs = run_side(OpenAIRealtimeWebSocketModel(), story, is_tracked=is_tracked)
    uses, unexpected = against_the_list(compare(stream, ours, theirs))
    frames = sum(len(group.frames) for group in ours)
    return Verdict(frames, sum(len(group.events) for group in ours), uses, unexpected)


def against_the_list(differences: Iterable[Difference]) -> tuple[Counter[str], list[str]]:
    """Count the entries that cover a difference, and describe those that none covers."""
    uses: Counter[str] = Counter()
    unexpected: list[str] = []
    for one in differences:
        entry = next((allowed for allowed in ALLOWED if allowed.covers(one)), None)
        if entry is None:
            ours, theirs = str(one.ours)[:SHOWN_CHARACTERS], str(one.theirs)[:SHOWN_CHARACTERS]
            where = f"{one.group}: {one.kind} {one.type} {one.path}".rstrip()
            unexpected.append(f"{where}: ours {ours}, theirs {theirs}")
        else:
            uses[entry.name] += 1
    return uses, unexpected
