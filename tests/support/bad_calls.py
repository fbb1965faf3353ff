"""Whole calls to servers that misbehave: SIP and RTP, an engine, a WebSocket, all on loopback.

Callers, engine and servers share this process and its event loop; all calls are up at once, and the
engine is the same for all of them. What a caller is left with is read off the RTP packets that he
receives, each of which says by its octets what it is: the greeting, more words, "one moment"
(the filler), the apology.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from structlog.testing import capture_logs

from telephony.app.metrics import Metrics
from telephony.app.trouble_log import log_trouble
from telephony.call import (
    AnswerCall,
    CallCommand,
    CallCommandBody,
    CallEnded,
    CallEvent,
    CallIncoming,
    EngineReport,
    GiveToolResult,
    Prompts,
    ToolRequested,
    TroubleNoted,
    VoicePlan,
    decode_event,
    encode,
)
from telephony.engine.engine import Engine
from telephony.engine.engine_call import EngineCall
from telephony.engine.link import QueueLink
from telephony.engine.settings import EngineSettings, SipListen
from tests.support.bad_cases import APOLOGY, FILLER, HANG_UP, SOUNDS, BadCase
from tests.support.bad_server import BadServer
from tests.support.bad_stories import KEY
from tests.support.heard_call import HeardCall
from tests.support.ports import LOOPBACK, free_range

__all__ = ["Played", "PlayedCase", "gets_what_is_due", "play_cases"]

PROMPTS = Prompts(apology=bytes([APOLOGY]) * 4000, filler=bytes([FILLER]) * 4000)
PCMU_PACKET = 160
MOSTLY = 0.6
"""The share of a packet that says what it is: an edge of two sounds is neither."""
CASE_SECONDS = 30.0
AFTER_SECONDS = 0.3
"""What is heard behind what was waited for is heard, too."""
CLOSED_SECONDS = 3.0
"""By then a session has been closed, whatever its server does (`CLOSE_NS`)."""
RTP_PORTS = 200
POLL_SECONDS = 0.02
STILL_WINDOW_SECONDS = 3.0
UNANSWERED = "voice_unanswered_closes"
"""The engine's own: by then the call is over."""
BENIGN = frozenset(
    f"voice_{kind}"
    for kind in (
        *("messages", "audio_deltas", "audio_messages", "stalls"),
        *("dropped_audio_messages", "dropped_audio_ms"),
    )
)
"""What voice sessions count without anything being wrong; a server that reads slowly is none."""


@dataclass(slots=True)
class PlayedCase:
    """What came of a case.

    Attributes:
        case: The case.
        rows: The call's event log.
        lines: What was logged of the call and blames somebody.
        counters: Those of the voice session, and of the rows, that grew.
        gets: What the caller got.
        silence_s: The longest time that he heard nothing, from the answer on.
        gap_s: The longest time without any packet.
        faults: What went wrong in playing the case itself.
    """

    case: BadCase
    rows: list[CallEvent] = field(default_factory=list[CallEvent])
    lines: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    counters: dict[str, int] = field(default_factory=dict[str, int])
    gets: tuple[str, ...] = ()
    silence_s: float = 0.0
    gap_s: float = 0.0
    faults: list[str] = field(default_factory=list[str])

    @property
    def troubles(self) -> list[TroubleNoted]:
        """The rows that blame somebody."""
        return [row.payload for row in self.rows if isinstance(row.payload, TroubleNoted)]


@dataclass(frozen=True, slots=True)
class Played:
    """What came of all cases.

    Attributes:
        cases: Of each.
        lines: All that was logged.
        still_s: How long, of any 3 s, the event loop stood still at worst.
        reported: What the event loop had to report: exceptions that nobody caught.
    """

    cases: list[PlayedCase]
    lines: list[Mapping[str, Any]]
    still_s: float
    reported: list[Mapping[str, Any]]


async def play_cases(cases: Sequence[BadCase]) -> Played:
    """Play cases, all at once, to one engine."""
    played = [PlayedCase(case) for case in cases]
    reported: list[Mapping[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: reported.append(context))
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(capture_logs())
        stillness = Stillness()
        watching = asyncio.create_task(stillness.watch())
        bench = await Bench.open(stack, played)
        async with asyncio.TaskGroup() as calls:
            for index, one in enumerate(played):
                calls.create_task(bench.play(one, index))
        await asyncio.sleep(CLOSED_SECONDS)
        watching.cancel()
        bench.settle(lines)
    return Played(played, [*lines], stillness.worst_s, reported)


class Stillness:
    """How long the event loop did nothing.

    Attributes:
        worst_s: Of so long a time as a caller may hear nothing, at worst.
    """

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._late: deque[float] = deque([0.0] * round(STILL_WINDOW_SECONDS / POLL_SECONDS))

    async def watch(self) -> None:
        """Look every few milliseconds."""
        while True:
            due = time.monotonic() + POLL_SECONDS
            await asyncio.sleep(POLL_SECONDS)
            self._late.popleft()
            self._late.append(time.monotonic() - due)
            self.worst_s = max(self.worst_s, sum(self._late))


class _Engine(Engine):
    """The engine; it shows what each call's voice session counted."""

    def __init__(self, settings: EngineSettings, link: QueueLink) -> None:
        super().__init__(settings, link, PROMPTS)
        self.counted: dict[str, dict[str, int]] = {}

    def released(self, call: EngineCall) -> None:
        self.counted[call.call.call_id] = call.voice.counters()
        super().released(call)


class Bench:
    """The engine, the app's side of it, and a server for each case."""

    def __init__(self, played: Sequence[PlayedCase], servers: Sequence[BadServer]) -> None:
        self._played = played
        self._servers = servers
        self._link = QueueLink(self._take)
        first = free_range(RTP_PORTS)
        settings = EngineSettings(
            engine_id="bad",
            sip=(SipListen(transport="UDP", host=LOOPBACK, port=0),),
            rtp_ports=(first, first + RTP_PORTS - 1),
            grant_seconds=1.0,
            grant_limit_seconds=8.0,
            connect_seconds=4.0,
        )
        self._engine = _Engine(settings, self._link)
        self._index_of: dict[str, int] = {}
        self._ended = [asyncio.Event() for _ in played]
        self._target = ""

    @classmethod
    async def open(cls, stack: AsyncExitStack, played: Sequence[PlayedCase]) -> "Bench":
        """Begin to serve; the stack ends it."""
        servers = [BadServer(*one.case.stories) for one in played]
        for server in servers:
            stack.push_async_callback(server.close)
            if server.has_stories:
                await server.start()
        bench = cls(played, servers)
        (listen,) = await bench._engine.start()
        bench._target = f"{listen.host}:{listen.port}"
        serving = asyncio.create_task(bench._engine.serve())

        async def stop() -> None:
            bench._link.close()
            await serving
            await bench._engine.stop()

        stack.push_async_callback(stop)
        return bench

    def _take(self, event: CallEvent | EngineReport) -> None:
        event = decode_event(encode(event))
        if isinstance(event, EngineReport):
            return
        if isinstance(event.payload, CallIncoming):
            self._index_of[event.call_id] = int(event.payload.number)
        index = self._index_of[event.call_id]
        self._played[index].rows.append(event)
        log_trouble(event)
        body = self._answer(event, index)
        if body is not None:
            self._link.command(CallCommand(call_id=event.call_id, body=body))
        if isinstance(event.payload, CallEnded):
            self._ended[index].set()

    def _answer(self, event: CallEvent, index: int) -> CallCommandBody | None:
        match event.payload:
            case CallIncoming():
                plan = VoicePlan(
                    url=self._servers[index].url,
                    headers=(("Authorization", f"Bearer {KEY}"),),
                    agent="reception",
                    greeting="Say hello",
                )
                return AnswerCall(plan=plan)
            case ToolRequested(tool_call_id=tool_call_id):
                return GiveToolResult(tool_call_id=tool_call_id, output="It is on its way.")
            case _:
                return None

    async def play(self, played: PlayedCase, index: int) -> None:
        """Place a case's call, listen until its caller got what he gets, and hang up."""
        call = HeardCall(f"sip:{index}@{self._target}", index)
        await call.call()
        until = time.monotonic() + CASE_SECONDS
        while time.monotonic() < until and not call.is_ended:
            await asyncio.sleep(POLL_SECONDS)
            if gets_what_is_due(sounds_of(call), played.case):
                break
        end_s = time.monotonic()
        await asyncio.sleep(0 if call.is_ended else AFTER_SECONDS)
        played.gets = sounds_of(call)
        played.silence_s = call.longest_silence_s(call.answered_s, end_s)
        played.gap_s = call.longest_gap_s()
        await call.hang_up()
        await self._ended[index].wait()

    def settle(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Sort out what was logged and counted for which call."""
        for call_id, index in self._index_of.items():
            played = self._played[index]
            played.lines = [
                line for line in lines if line.get("call") == call_id and "fault" in line
            ]
            counted = dict(self._engine.counted[call_id])
            played.faults += [repr(fault) for fault in self._servers[index].faults]
            broken_off = [line for line in lines if line.get("server") == self._servers[index].host]
            if broken_off:
                played.lines += broken_off
                counted[UNANSWERED] = self._engine.counters[UNANSWERED]
            played.counters = grown(played.rows, counted)


def gets_what_is_due(gets: Sequence[str], case: BadCase) -> bool:
    """Tell whether a caller got what is due; a word of patience more is never wrong."""
    patient = tuple(sound for sound in gets if sound != SOUNDS[FILLER] or sound in case.gets)
    return patient == case.gets


def sounds_of(call: HeardCall) -> tuple[str, ...]:
    """Name what a caller heard, each sound once as long as it goes on."""
    found: list[str] = []
    for packet in call.heard:
        octet, count = Counter(packet.payload).most_common(1)[0]
        if count >= MOSTLY * PCMU_PACKET and octet in SOUNDS:
            found.append(SOUNDS[octet])
    return (*(name for name, _ in groupby(found)), *([HANG_UP] if call.is_ended else []))


def grown(rows: Sequence[CallEvent], counted: Mapping[str, int]) -> dict[str, int]:
    """Give the metrics of troubles that a call alone makes grow, by name and labels."""
    metrics = Metrics()
    for row in rows:
        metrics.handle_event(row)
    metrics.handle_report(
        EngineReport(engine_id="bad", calls=0, clock_late_ns=0, counters=dict(counted))
    )
    return {
        sample.labels.get("kind") or sample.labels["code"]: round(sample.value)
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name in {"telephony_trouble_total", "telephony_engine_events_total"}
        and sample.value
        and sample.labels.get("kind") not in BENIGN
    }
