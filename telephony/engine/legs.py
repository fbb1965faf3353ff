"""Makes the far ends of calls: a pair of RTP ports, a SIP leg on them, and its port in time."""

import secrets
from collections.abc import Callable
from ipaddress import ip_network

from telephony.call import MediaPolicy, PlaceCall, SipLeg
from telephony.engine.clock import monotonic_ns
from telephony.engine.settings import EngineSettings
from telephony.engine.sip_udp import routed_host
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
        local = invite.session.local_address or self._local_towards(source)
        pair = self._rtp.open_pair(local.host)
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
        local = self._local_towards(target.host if isinstance(target, SipUri) else "")
        pair = self._rtp.open_pair(local.host)
        leg = SipLeg(
            None,
            self._local_media(pair),
            self._make_port,
            self._media,
            None,
            accepts_refer=order.accepts_refer,
        )
        us = SipUri("sip", "telephony", None, self._settings.advertise or pair.address[0])
        caller = order.caller or str(us)
        try:
            leg.place(endpoint, order.target, caller, now_ns, local=local)
        except TelephonyError:
            pair.close()
            raise
        return leg, pair

    def _local_towards(self, peer: str) -> ListenAddress:
        """Choose the address of ours that a call to a host goes by."""
        addresses = self._addresses()
        is_v6 = ":" in peer
        fitting = [one for one in addresses if (":" in one.host) == is_v6] or addresses
        if len({one.host for one in fitting}) == 1:
            return fitting[0]
        routed = routed_host(peer)
        return next((one for one in fitting if one.host == routed), fitting[0])

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
