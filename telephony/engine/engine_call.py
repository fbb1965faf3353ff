"""One call inside the engine: the sans-I/O `Call` between its media and its voice session.

Carries out what the call asks, keeps its timer, and lets a fault end no more than this call.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from telephony.call import (
    Call,
    CallCommandBody,
    CallEnded,
    CallEvent,
    CloseVoice,
    HangUp,
    HostedLeg,
    MediaReady,
    OpenVoice,
    Released,
    SipLeg,
    TellVoice,
    TroubleNoted,
    UseVoice,
    VoicePlan,
)
from telephony.engine.clock import monotonic_ns
from telephony.engine.engine_media import EngineMedia
from telephony.engine.engine_voice import EngineVoice
from telephony.engine.log import log
from telephony.engine.supervisor import supervised
from telephony.engine.tap import MediaTap
from telephony.engine.udp import RtpSocketPair
from telephony.engine.voice_link import VoiceLink
from telephony.errors import TelephonyError
from telephony.media import MediaEvent
from telephony.sip import SipEvent
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import VoiceEvent

__all__ = ["EngineCall", "Host"]

INTERNAL = "internal fault"


class Host(Protocol):
    """What a call needs of its engine."""

    def send_event(self, event: CallEvent) -> None:
        """Hand an event to the app."""
        ...

    def media_ready(self, call: "EngineCall") -> None:
        """Let the call's leg tick and its sockets be read."""
        ...

    def read_media(self, call: "EngineCall") -> None:
        """Hand the call what has arrived for it so far."""
        ...

    def released(self, call: "EngineCall") -> None:
        """Free what the call held."""
        ...

    def drain_sip(self) -> None:
        """Send what the call made SIP say."""
        ...

    def make_voice(self, plan: VoicePlan, on_event: Callable[[VoiceEvent], None]) -> VoiceLink:
        """Open the way to a voice session."""
        ...


class EngineCall:
    """A call, its leg and its sockets.

    Args:
        leg: The far end.
        pair: Its RTP sockets; None where the audio is a provider's.
        host: The engine.
        tap: Listens in, where someone wants to.
    """

    def __init__(
        self,
        leg: SipLeg | HostedLeg,
        pair: RtpSocketPair | None,
        host: Host,
        tap: MediaTap | None = None,
    ) -> None:
        """Wait for `call`."""
        self.leg = leg
        self.media = EngineMedia(leg, pair, self, tap) if pair is not None else None
        self.voice = EngineVoice(host.make_voice, self._take_voice_event)
        self._host = host
        self._call: Call | None = None
        self._has_failed = False
        self._has_told_end = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns: Nanoseconds | None = None

    @property
    def call(self) -> Call:
        """The sans-I/O call."""
        assert self._call is not None
        return self._call

    def take(self, call: Call) -> None:
        """Put the call in."""
        self._call = call

    def append(self, audio: bytes) -> None:
        """Write the caller's audio, in the session's format, to the session's socket."""
        self.voice.append(audio, self.leg.port)

    def take_media_events(self, events: list[MediaEvent], now_ns: Nanoseconds) -> None:
        """Take what the leg's port tells."""
        self.change(lambda call: call.handle_media_events(events, now_ns))

    @supervised
    def change(self, what: Callable[[Call], None]) -> None:
        """Change the call, then carry out what it asks; one that is over changes no more."""
        if self._call is not None:
            what(self._call)
            self.drain()

    @supervised
    def command(self, body: CallCommandBody) -> None:
        """Carry out a command of the app; one that the call has no room for is noted."""
        now_ns = monotonic_ns()
        try:
            self.call.handle_command(body, now_ns)
        except TelephonyError as failed:
            trouble = TroubleNoted(code="command.refused", fault="ours", text=str(failed))
            self.call.note(trouble, now_ns)
        self.drain()

    def handle_sip(self, event: SipEvent) -> None:
        """Take what the leg's SIP session tells, behind the packets that came before it."""
        leg = self.leg
        assert not isinstance(leg, HostedLeg)
        self._host.read_media(self)
        now_ns = monotonic_ns()
        self.change(
            lambda call: call.handle_leg_events(leg.handle_sip_event(event, now_ns), now_ns)
        )

    @supervised
    def drain(self) -> None:
        """Carry out all that the call asks, and re-arm its timer."""
        call = self.call
        while (output := call.poll_output()) is not None:
            match output:
                case CallEvent():
                    self._tell(output)
                case TellVoice(command=command, epoch=epoch):
                    self.voice.tell(command, epoch)
                case OpenVoice(plan=plan, epoch=epoch):
                    self.voice.open(plan, epoch)
                case UseVoice(epoch=epoch):
                    self.voice.use(epoch)
                case CloseVoice(epoch=epoch):
                    self.voice.close(epoch)
                case MediaReady():
                    self._host.media_ready(self)
                case Released():
                    self._release(call)
        self._host.drain_sip()
        if self._call is not None:
            self._tell_tap()
            self._rearm()

    def _tell_tap(self) -> None:
        if self.media is not None:
            self.media.tell_tap()

    def _tell(self, event: CallEvent) -> None:
        self._host.send_event(event)
        if isinstance(event.payload, CallEnded):
            self._has_told_end = True

    def _rearm(self) -> None:
        """Keep one timer, at the call's next deadline."""
        deadline_ns = self.call.next_deadline()
        if deadline_ns == self._timer_ns:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_ns = None, deadline_ns
        if deadline_ns is not None:
            delay_s = max(0, deadline_ns - monotonic_ns()) / NS_PER_SECOND
            self._timer = self._loop.call_later(delay_s, self._fire)

    def _fire(self) -> None:
        self._timer, self._timer_ns = None, None
        now_ns = monotonic_ns()
        self.change(lambda call: call.handle_timer(now_ns))

    def _take_voice_event(self, epoch: int, event: VoiceEvent) -> None:
        now_ns = monotonic_ns()
        self.change(lambda call: call.handle_voice_event(event, now_ns, epoch))

    def fail(self, fault: Exception) -> None:
        """End the call because of a fault of ours: by the book, and if that fails, too, at once."""
        call = self._call
        if call is None:
            return
        log.error("call failed", call=call.call_id, fault="ours", exc_info=fault)
        if not self._has_failed:
            self._has_failed = True
            self.change(lambda inner: inner.handle_command(HangUp(cause=INTERNAL), monotonic_ns()))
        now_ns = monotonic_ns()
        if not self._has_told_end:
            self._tell(call.log.row(CallEnded(by="failure", cause=INTERNAL), now_ns))
        if self._call is not None:
            self._release(call)
            self._hang_up(now_ns)

    @supervised
    def _hang_up(self, now_ns: Nanoseconds) -> None:
        """Leave the far end, as far as that is still possible; nothing of ours is held any more."""
        self.leg.hang_up(now_ns)
        self._host.drain_sip()

    def _release(self, call: Call) -> None:
        if self.media is not None:
            self.media.say_goodbye(call.now_ns)
        self._host.released(self)
        if self._timer is not None:
            self._timer.cancel()
        call.let_go()
        if self.media is not None:
            self.media.let_go()
        self.voice.let_go()
        if not isinstance(self.leg, HostedLeg):
            self.leg.port = None
        self._call = None
