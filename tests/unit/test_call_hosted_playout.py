"""Whether the agent is being heard, by a provider's reports: in any order, some missing."""

from typing import Literal

import pytest

from telephony.call.hosted_playout import HostedPlayout
from telephony.voice import PlayoutReported

Step = tuple[Literal["begin", "words", "done", "cut", "started", "stopped", "cleared"], str]


def played(*steps: Step) -> HostedPlayout:
    playout = HostedPlayout()
    for what, response_id in steps:
        match what:
            case "begin":
                playout.begin(response_id)
            case "words":
                playout.expect(response_id)
            case "done" | "cut":
                playout.finish(response_id, is_whole=what == "done")
            case _:
                playout.report(PlayoutReported(response_id, what))
    return playout


SAID: tuple[Step, ...] = (("begin", "a"), ("started", "a"), ("words", "a"), ("done", "a"))


@pytest.mark.parametrize(
    "steps",
    [
        (("begin", "a"),),
        SAID[:2],
        SAID,
        (("begin", "a"), ("words", "a"), ("done", "a")),
        (*SAID, ("begin", "b"), ("words", "b"), ("done", "b"), ("stopped", "a")),
        (*SAID, ("begin", "b"), ("cut", "x"), ("stopped", "a")),
        (*SAID, ("begin", "b"), ("started", "b"), ("done", "b"), ("stopped", "a")),
    ],
)
def test_words_that_play_or_may_still_come_are_spoken(steps: tuple[Step, ...]) -> None:
    assert played(*steps).is_speaking


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (*SAID, ("stopped", "a")),
        (*SAID, ("cleared", "a")),
        (*SAID, ("cleared", "")),
        (*SAID, ("stopped", "")),
        (("begin", "a"), ("done", "a")),
        (("begin", "a"), ("words", "a"), ("cut", "a")),
        (("begin", "a"), ("words", "a"), ("done", "a"), ("cleared", "")),
        (("begin", "a"), ("started", "a"), ("cut", "a"), ("cleared", "a"), ("words", "a")),
        (("begin", "a"), ("started", "a"), ("stopped", "a"), ("words", "a"), ("done", "a")),
        (("started", "of another socket"), ("stopped", "of another socket")),
    ],
)
def test_words_that_are_out_or_will_never_come_are_not(steps: tuple[Step, ...]) -> None:
    assert not played(*steps).is_speaking


def test_it_is_silent_until_something_plays() -> None:
    assert played(("begin", "a"), ("words", "a")).is_silent
    assert not played(*SAID).is_silent
