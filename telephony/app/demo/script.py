"""What the demo's people do: a caller who interrupts, presses keys and follows, and an operator.

Each move is noted with its time, for the timeline; each wait is bounded, and a wait in vain ends
the script with what it waited for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from telephony.app.demo.ear import Ear
from telephony.app.softphone import PhoneCall, Softphone
from telephony.call import (
    AnswerCall,
    CallAnswered,
    CallCommandBody,
    CallEnded,
    CallProgressed,
    HangUp,
    PlaceCall,
    PlayAudio,
    PlayoutFinished,
    ReportTransfer,
    RingCall,
    SendDigits,
    TransferRequested,
)
from telephony.engine.clock import monotonic_ns
from telephony.errors import TransportError
from telephony.units import Nanoseconds

__all__ = ["Note", "Recordings", "Stage", "act_caller", "act_operator"]

WAIT_SECONDS = 12.0
"""For any one thing to happen; the longest prompt takes 9 s."""
LISTEN_MS = 2_250
"""How much of the greeting the caller hears before talking over it: into the middle of a word."""
REPLY_MS = 900
"""How much of the agent's answer the caller hears before pressing a key."""
TURN_MS = 800
"""Silence after which the agent has ended its turn: its pauses between sentences are 250 ms."""
STOP_MS = 600
"""Silence after which the caller is sure that the agent stopped: longer than any of its pauses."""
RING_SECONDS = 0.8
"""How long the operator lets it ring."""
GOODBYE_SECONDS = 0.8
"""Between the caller's last word and the hang-up."""
TRYING, OK = 100, 200

T = TypeVar("T")
Note = Callable[[str, Nanoseconds], None]
"""Takes the name of a move, and when it happened."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """What the people say: mu-law, 8,000 Hz."""

    interruption: bytes
    question: bytes
    operator: bytes


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the scene plays.

    Attributes:
        caller: The caller's telephone.
        operator: The operator's.
        ears: By call.
        recordings: What is said.
        note: Takes what happens.
    """

    caller: Softphone
    operator: Softphone
    ears: dict[str, Ear]
    recordings: Recordings
    note: Note

    def noted(self, move: str) -> None:
        """Note a move that happens now."""
        self.note(move, monotonic_ns())


async def _soon(what: str, awaited: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            return await awaited
    except TimeoutError:
        raise TransportError(f"waited {WAIT_SECONDS:g} s in vain for {what}") from None


async def _say(stage: Stage, call: PhoneCall, move: str, audio: bytes) -> None:
    stage.noted(move)
    call.command(PlayAudio(audio=audio))
    await _soon("our own words to be sent", call.next(PlayoutFinished))


def _do(stage: Stage, call: PhoneCall, move: str, body: CallCommandBody) -> None:
    stage.noted(move)
    call.command(body)


async def act_caller(stage: Stage, target: str) -> None:
    """Call the agent, interrupt it, press 1, then 2, follow to the operator, ask, hang up."""
    stage.noted("calls")
    call = stage.caller.place(
        PlaceCall(target=target, caller=stage.caller.uri("caller"), accepts_refer=True)
    )
    await _soon("an answer", call.next(CallAnswered))
    ear = stage.ears[call.call_id]
    await _talk_over_the_greeting(stage, call, ear)
    await _press_keys(stage, call, ear)
    asked = await _soon("the transfer", call.next(TransferRequested))
    stage.noted("is asked to call the operator")
    await _follow(stage, call, asked.target)


async def _talk_over_the_greeting(stage: Stage, call: PhoneCall, ear: Ear) -> None:
    stage.note("hears the greeting", await _soon("the greeting", ear.hears_voice()))
    await _soon("more of the greeting", ear.hears_voice(LISTEN_MS))
    speaking = asyncio.ensure_future(
        _say(stage, call, "talks over the agent", stage.recordings.interruption)
    )
    stopped_ns = await _soon("the agent to stop", ear.hears_silence(STOP_MS))
    stage.note("hears the agent stop", stopped_ns)
    await speaking
    stage.noted("has spoken")


async def _press_keys(stage: Stage, call: PhoneCall, ear: Ear) -> None:
    stage.note("hears an answer", await _soon("an answer", ear.hears_voice()))
    await _soon("more of the answer", ear.hears_voice(REPLY_MS))
    _do(stage, call, "presses 1", SendDigits(digits="1"))
    await _soon("the agent to stop", ear.hears_silence(STOP_MS))
    await _soon("the opening hours", ear.hears_voice())
    await _soon("the end of the agent's turn", ear.hears_silence(TURN_MS))
    _do(stage, call, "presses 2", SendDigits(digits="2"))


async def _follow(stage: Stage, call: PhoneCall, target: str) -> None:
    """Call the target in the agent's place, and tell the agent how it goes (RFC 3515)."""
    call.command(ReportTransfer(status=TRYING))
    following = stage.caller.place(PlaceCall(target=target, caller=stage.caller.uri("caller")))
    ringing = await _soon("the operator to ring", following.next(CallProgressed))
    call.command(ReportTransfer(status=ringing.status))
    await _soon("the operator to answer", following.next(CallAnswered))
    stage.noted("talks to the operator")
    call.command(ReportTransfer(status=OK))
    await _soon("the agent to hang up", call.next(CallEnded))
    stage.noted("is left by the agent")
    ear = stage.ears[following.call_id]
    await _soon("the operator's words", ear.hears_voice())
    await _soon("the end of the operator's words", ear.hears_silence(TURN_MS))
    await _say(stage, following, "asks the operator", stage.recordings.question)
    await asyncio.sleep(GOODBYE_SECONDS)
    _do(stage, following, "hangs up", HangUp())
    await _soon("the end of the call", following.next(CallEnded))


async def act_operator(stage: Stage) -> None:
    """Let the first call ring, take it, speak, and stay until the caller hangs up."""
    call = await stage.operator.incoming()
    _do(stage, call, "operator rings", RingCall())
    await asyncio.sleep(RING_SECONDS)
    _do(stage, call, "operator answers", AnswerCall())
    await _soon("the call to be up", call.next(CallAnswered))
    await stage.ears[call.call_id].hears_any()
    await _say(stage, call, "operator speaks", stage.recordings.operator)
    await call.next(CallEnded)
