"""The media half of one call inside the engine: the leg's port with its RTP sockets.

It is what the media clock ticks and what the RTP sockets hand their datagrams to.
"""

from typing import Protocol

from telephony.call import Leg
from telephony.engine.clock import monotonic_ns, wall_seconds
from telephony.engine.supervisor import supervised
from telephony.engine.tap import MediaTap
from telephony.engine.udp import Address, RtpSocketPair
from telephony.media import MediaEvent, RtpPortSettings
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["EngineMedia", "MediaOwner"]

RTCP_EVERY_TICKS = 50
"""How often a leg asks whether a report is due: at 20 ms a tick, once a second."""


class MediaOwner(Protocol):
    """The call whose media it is."""

    def take_media_events(self, events: list[MediaEvent], now_ns: Nanoseconds) -> None:
        """Learn what the port tells."""
        ...

    def fail(self, fault: Exception) -> None:
        """Log the fault, and end."""
        ...


class EngineMedia:
    """A leg's port and its sockets.

    Args:
        leg: The far end; it has a port once audio is agreed on.
        pair: Its RTP sockets.
        owner: The call.
        tap: Listens in, where someone wants to.
    """

    def __init__(
        self, leg: Leg, pair: RtpSocketPair, owner: MediaOwner, tap: MediaTap | None = None
    ) -> None:
        """Have sockets, and nothing to send yet."""
        self.leg = leg
        self.pair = pair
        self._owner: MediaOwner | None = owner
        self._tap = tap
        self._tapped: RtpPortSettings | None = None
        self._now_ns = Nanoseconds(0)
        self._ticks = 0

    @supervised
    def tick(self, now_ns: Nanoseconds) -> None:
        """Send the packet that is due."""
        port = self.leg.port
        if port is None:
            return
        if self._tap is not None:
            self._now_ns = now_ns
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
            self._take_events(now_ns)

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
            self._now_ns = arrival_ns
        port.handle_rtp(data, source, arrival_ns)
        if port.events:
            self._take_events(arrival_ns)

    @supervised
    def handle_rtcp(self, data: bytes, source: Address, arrival_ns: Nanoseconds) -> None:
        """Take one datagram of the RTCP port."""
        if self.leg.port is not None:
            self.leg.port.handle_rtcp(data, source, arrival_ns)

    def _send_rtcp(self, now_ns: Nanoseconds) -> None:
        port = self.leg.port
        if port is None or port.settings.remote_rtcp is None:
            return
        report = port.rtcp_due(now_ns, _wall_ns())
        if report is not None:
            self.pair.send_rtcp(report, port.settings.remote_rtcp)

    def _take_events(self, now_ns: Nanoseconds) -> None:
        port = self.leg.port
        assert port is not None
        events, port.events = port.events, []
        if self._owner is not None:
            self._owner.take_media_events(events, now_ns)

    def tell_tap(self) -> None:
        """Tell a tap of each agreement; it hears what the far end sends before the agent does."""
        port, tap = self.leg.port, self._tap
        if tap is None or port is None or port.settings == self._tapped:
            return
        if self._tapped is None:
            onward = port.uplink.sink

            def listen_in(octets: bytes) -> None:
                tap.received(octets, self._now_ns)
                onward(octets)

            port.uplink.sink = listen_in
        self._tapped = port.settings
        tap.started(port.settings, monotonic_ns())

    def fail(self, fault: Exception) -> None:
        """End the call because of a fault of ours."""
        if self._owner is not None:
            self._owner.fail(fault)

    def let_go(self) -> None:
        """Forget the call, so that memory is free without a collection."""
        self._owner = None

    def say_goodbye(self, now_ns: Nanoseconds) -> None:
        """Send the last RTCP report (RFC 3550 section 6.3.7)."""
        port = self.leg.port
        if port is not None and port.settings.remote_rtcp is not None:
            self.pair.send_rtcp(port.goodbye(now_ns, _wall_ns()), port.settings.remote_rtcp)


def _wall_ns() -> int:
    return round(wall_seconds() * NS_PER_SECOND)
