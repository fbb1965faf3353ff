"""One call inside the engine: the sans-I/O `Call` with its sockets.

It is what the media clock ticks and what the RTP sockets hand their datagrams to. The voice
session's socket is opened and closed as the call asks.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from telephony.call import (
    Call,
    CallEnded,
    CallEvent,
    CloseVoice,
    HangUp,
    MediaReady,
    OpenVoice,
    Released,
    SipLeg,
    TellVoice,
    VoicePlan,
)
from telephony.engine.clock import monotonic_ns, wall_seconds
from telephony.engine.log import log
from telephony.engine.supervisor import supervised
from telephony.engine.tap import MediaTap
from telephony.engine.udp import Address, RtpSocketPair
from telephony.engine.voice_link import NO_CLOSE_FRAME, VoiceLink
from telephony.errors import ConfigurationError
from telephony.media import RtpPortSettings
from telephony.sip import SipEvent
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import SessionClosed, VoiceEvent

__all__ = ["EngineCall", "Host"]

INTERNAL = "internal fault"
RTCP_EVERY_TICKS = 50
"""How often a leg asks whether a report is due: at 20 ms a tick, once a second."""


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
        pair: Its RTP sockets.
        host: The engine.
        tap: Listens in, where someone wants to.
    """

    def __init__(
        self, leg: SipLeg, pair: RtpSocketPair, host: Host, tap: MediaTap | None = None
    ) -> None:
        """Wait for `call`."""
        self.leg = leg
        self.pair = pair
        self._host = host
        self._tap = tap
        self._tapped: RtpPortSettings | None = None
        self._media_ns = Nanoseconds(0)
        self._call: Call | None = None
        self._voice: VoiceLink | None = None
        self._ticks = 0
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

    @supervised
    def tick(self, now_ns: Nanoseconds) -> None:
        """Send the packet that is due."""
        port = self.leg.port
        if port is None:
            return
        if self._tap is not None:
            self._media_ns = now_ns
        self._ticks += 1
        if not self._ticks % RTCP_EVERY_TICKS:
            self._send_rtcp(now_ns)  # before the tick: its RTP time is then the present
        packet = port.tick(now_ns)
        if packet is not None:
            if not self.pair.send_rtp(packet, port.destination):
                port.handle_unsent(packet)
            elif self._tap is not None:
                self._tap.sent(packet, now_ns)
        if port.events:
            self._take_media_events(now_ns)

    def skip(self, packets: int) -> None:
        """Advance the timeline over packets that were never sent."""
        if self.leg.port is not None:
            self.leg.port.skip(packets)

    @supervised
    def handle_rtp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTP port."""
        port = self.leg.port
        if port is None:
            return
        if self._tap is not None:
            self._media_ns = arrival_ns
        port.handle_rtp(data, source, arrival_ns)
        if port.events:
            self._take_media_events(arrival_ns)

    @supervised
    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTCP port."""
        if self.leg.port is not None:
            self.leg.port.handle_rtcp(data, source, arrival_ns)

    def append(self, audio: bytes) -> None:
        """Write the caller's audio, in the session's format, to the session's socket."""
        voice, port = self._voice, self.leg.port
        if voice is not None and (dropped := voice.append(audio)) and port is not None:
            port.uplink.handle_backlog_dropped(dropped, voice.waiting_appends)

    def _send_rtcp(self, now_ns: Nanoseconds) -> None:
        port = self.leg.port
        if port is None or port.settings.remote_rtcp is None:
            return
        report = port.rtcp_due(now_ns, _wall_ns())
        if report is not None:
            self.pair.send_rtcp(report, port.settings.remote_rtcp)

    def _take_media_events(self, now_ns: Nanoseconds) -> None:
        port = self.leg.port
        assert port is not None
        events, port.events = port.events, []
        self.change(lambda call: call.handle_media_events(events, now_ns))

    @supervised
    def change(self, what: Callable[[Call], None]) -> None:
        """Change the call, then carry out what it asks; one that is over changes no more."""
        if self._call is not None:
            what(self._call)
            self.drain()

    def handle_sip(self, event: SipEvent) -> None:
        """Take what the leg's SIP session tells, behind the packets that came before it."""
        self._host.read_media(self)
        now_ns = monotonic_ns()
        self.change(
            lambda call: call.handle_leg_events(self.leg.handle_sip_event(event, now_ns), now_ns)
        )

    @supervised
    def drain(self) -> None:
        """Carry out all that the call asks, and re-arm its timer."""
        call = self.call
        while (output := call.poll_output()) is not None:
            match output:
                case CallEvent():
                    self._tell(output)
                case TellVoice(command=command):
                    if self._voice is not None:
                        self._voice.tell(command)
                case OpenVoice(plan=plan):
                    self._open_voice(plan)
                case CloseVoice():
                    self._close_voice()
                case MediaReady():
                    self._host.media_ready(self)
                case Released():
                    self._release(call)
        self._host.drain_sip()
        if self._call is not None:
            self._tell_tap()
            self._rearm()

    def _tell(self, event: CallEvent) -> None:
        self._host.send_event(event)
        if isinstance(event.payload, CallEnded):
            self._has_told_end = True

    def _tell_tap(self) -> None:
        """Tell a tap of each agreement; it hears what the far end sends before the agent does."""
        port, tap = self.leg.port, self._tap
        if tap is None or port is None or port.settings == self._tapped:
            return
        if self._tapped is None:
            onward = port.uplink.sink

            def listen_in(octets: bytes) -> None:
                tap.received(octets, self._media_ns)
                onward(octets)

            port.uplink.sink = listen_in
        self._tapped = port.settings
        tap.started(port.settings, monotonic_ns())

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

    def _take_voice_event(self, event: VoiceEvent) -> None:
        now_ns = monotonic_ns()
        self.change(lambda call: call.handle_voice_event(event, now_ns))

    def voice_counters(self) -> dict[str, int]:
        """Give what the voice session counted, by name."""
        return {} if self._voice is None else self._voice.counters()

    def _open_voice(self, plan: VoicePlan) -> None:
        self._voice = None
        try:
            self._voice = self._host.make_voice(plan, self._take_voice_event)
        except ConfigurationError as failed:
            self._take_voice_event(
                SessionClosed(is_clean=False, code=NO_CLOSE_FRAME, reason=str(failed))
            )

    def _close_voice(self) -> None:
        if self._voice is not None:
            self._voice.close()

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
        port = self.leg.port
        if port is not None and port.settings.remote_rtcp is not None:
            goodbye = port.goodbye(call.now_ns, _wall_ns())
            self.pair.send_rtcp(goodbye, port.settings.remote_rtcp)
        self._host.released(self)
        if self._timer is not None:
            self._timer.cancel()
        call.let_go()
        self.leg.port = None
        self._call = self._voice = None


def _wall_ns() -> int:
    return round(wall_seconds() * NS_PER_SECOND)
