"""Makes the far ends of calls: a pair of RTP ports, a SIP leg on them, and its port in time."""

import secrets
from collections.abc import Callable
from ipaddress import ip_network

from telephony.call import MediaPolicy, PlaceCall, SipLeg
from telephony.engine.clock import monotonic_ns
from telephony.engine.settings import EngineSettings
from telephony.engine.udp import RtpSocketPair, RtpSockets
from telephony.errors import TelephonyError
from telephony.media import RtpPort, RtpPortSettings, UplinkSettings
from telephony.rtp import RtcpReporter, RtpSender
from telephony.sdp import LocalMedia
from telephony.sip import IncomingInvite, ListenAddress, SipEndpoint, SipUri, parse_uri
from telephony.units import Nanoseconds, RtpTimestamp, ms_to_ns

__all__ = ["Legs", "random_fraction", "source_of"]

SESSION_ID_BITS = 62


class Legs:
    """The legs of one engine.

    Args:
        settings: What the engine was told.
        rtp: Gives out the ports.
        addresses: Gives where SIP listens.
    """

    def __init__(
        self,
        settings: EngineSettings,
        rtp: RtpSockets,
        addresses: Callable[[], list[ListenAddress]],
    ) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._rtp = rtp
        self._addresses = addresses
        self._media = MediaPolicy(
            is_nat=settings.is_nat,
            networks=tuple(ip_network(one) for one in settings.media_networks),
            far_buffer_ns=ms_to_ns(settings.far_buffer_ms),
            reorder_wait_ns=ms_to_ns(settings.reorder_wait_ms),
        )
        self._uplink = UplinkSettings(
            ms_to_ns(settings.starvation_ms), ms_to_ns(settings.starvation_dtx_ms)
        )

    def of_invite(self, invite: IncomingInvite) -> tuple[SipLeg, RtpSocketPair]:
        """Make the leg of a call that came in, and read its offer.

        Raises:
            RemoteError: The offer is damaged, or there is nothing in common.
            TransportError: No port is free.
        """
        source = source_of(invite)[0]
        pair = self._rtp.open_pair(self._host_towards(source))
        leg = SipLeg(invite.session, self._local_media(pair), self._make_port, self._media, source)
        try:
            leg.read_offer(invite)
        except TelephonyError:
            pair.close()
            raise
        return leg, pair

    def of_order(
        self, order: PlaceCall, endpoint: SipEndpoint, now_ns: Nanoseconds
    ) -> tuple[SipLeg, RtpSocketPair]:
        """Make the leg of a call that we place, and send its INVITE.

        Raises:
            RemoteError: The target, or the caller, is no URI.
            TransportError: No port is free.
        """
        target = parse_uri(order.target)
        host = target.host if isinstance(target, SipUri) else ""
        pair = self._rtp.open_pair(self._host_towards(host))
        leg = SipLeg(
            None,
            self._local_media(pair),
            self._make_port,
            self._media,
            None,
            accepts_refer=order.accepts_refer,
        )
        caller = order.caller or f"sip:telephony@{self._settings.advertise or pair.address[0]}"
        try:
            leg.place(endpoint, order.target, caller, now_ns)
        except TelephonyError:
            pair.close()
            raise
        return leg, pair

    def _host_towards(self, peer: str) -> str:
        """Give the address of ours that RTP towards a peer is bound to."""
        addresses = self._addresses()
        is_v6 = ":" in peer
        fitting = [one.host for one in addresses if (":" in one.host) == is_v6]
        return fitting[0] if fitting else addresses[0].host

    def _local_media(self, pair: RtpSocketPair) -> LocalMedia:
        host, port = pair.address
        return LocalMedia(self._settings.advertise or host, port, secrets.randbits(SESSION_ID_BITS))

    def _make_port(self, settings: RtpPortSettings) -> RtpPort:
        now_ns = monotonic_ns()
        sender = RtpSender(
            ssrc=secrets.randbits(32),
            payload_type=settings.payload_type,
            sequence=secrets.randbits(16),
            timestamp=RtpTimestamp(secrets.randbits(32)),
        )
        cname = secrets.token_hex(8)
        reporter = RtcpReporter(cname=cname, random=random_fraction, now_ns=now_ns)
        return RtpPort(settings, sender, reporter, self._uplink)


def source_of(invite: IncomingInvite) -> tuple[str, int]:
    """Give where an INVITE came from."""
    source = invite.session.remote_address
    assert source is not None
    return source


def random_fraction() -> float:
    """Give an unpredictable number from 0 up to, not including, 1."""
    return secrets.randbelow(1 << 53) / (1 << 53)
