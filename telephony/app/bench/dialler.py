"""The signalling of a benchmark's callers: many calls from one SIP endpoint and one UDP socket."""

import secrets
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from telephony.engine.clock import monotonic_ns
from telephony.errors import TelephonyError
from telephony.sdp import (
    AgreedAudio,
    LocalMedia,
    SessionDescription,
    accept_answer,
    offer,
    parse_description,
)
from telephony.sip import (
    EndpointSettings,
    HostPort,
    InviteAnswered,
    InviteFailed,
    ListenAddress,
    NameAddr,
    OfferReceived,
    OutgoingSession,
    SessionEnded,
    SipEndpoint,
    SipOutput,
    Transmit,
    parse_uri,
)
from telephony.units import Nanoseconds

__all__ = ["Dialler"]

DATAGRAM_OCTETS = 65_536
RECEIVE_BUFFER_OCTETS = 1 << 20
TOKEN_OCTETS = 9
REASONS_KEPT = 5


@dataclass(slots=True)
class _Dialled:
    number: int
    offered: SessionDescription
    at_ns: Nanoseconds
    is_up: bool = False


@dataclass(slots=True)
class DialCounts:
    """How the calls fared."""

    setups_ns: list[int] = field(default_factory=list[int])
    """INVITE to 2xx, one per call that came up."""
    failures: Counter[str] = field(default_factory=Counter[str])
    ended_by_peer: int = 0


class Dialler:
    """All callers' signalling.

    Args:
        host: Address of ours to send from.
        on_up: Told the number of a call that was answered, and what was agreed on.
        on_over: Told the number of a call that is over.

    Attributes:
        counts: How the calls fared.
    """

    def __init__(
        self,
        host: str,
        on_up: Callable[[int, AgreedAudio], None],
        on_over: Callable[[int], None],
    ) -> None:
        """Open the socket.

        Raises:
            OSError: The address is not ours.
        """
        self.counts = DialCounts()
        self._on_up = on_up
        self._on_over = on_over
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        address, port = self._socket.getsockname()
        self._local = ListenAddress("UDP", address, port)
        self._endpoint = SipEndpoint(
            EndpointSettings(advertised={"UDP": (address, port)}, user_agent="telephony bench"),
            lambda: secrets.token_hex(TOKEN_OCTETS),
            lambda: secrets.randbelow(1 << 53) / (1 << 53),
        )
        self._sessions: dict[object, _Dialled] = {}

    @property
    def open_calls(self) -> int:
        """Calls that are being set up, are up, or are being ended."""
        return len(self._sessions)

    def dial(self, number: int, target: HostPort, media: LocalMedia) -> None:
        """Place one call; the number is what is dialled."""
        now_ns = monotonic_ns()
        offered = offer(media)
        host, port = target
        callee = parse_uri(f"sip:{number}@{host}:{port}")
        caller = parse_uri(f"sip:bench@{self._local.host}:{self._local.port}")
        session = self._endpoint.invite(
            callee,
            from_=NameAddr(None, caller),
            to=NameAddr(None, callee),
            sdp=offered.to_bytes(),
            now_ns=now_ns,
        )
        self._sessions[session] = _Dialled(number, offered, now_ns)
        self._drain()

    def hang_up(self) -> None:
        """End every call."""
        now_ns = monotonic_ns()
        for session in list(self._sessions):
            assert isinstance(session, OutgoingSession)
            session.bye(now_ns)
        self._drain()

    def step(self) -> None:
        """Take what has arrived and what is due, without waiting."""
        while True:
            try:
                data, source = self._socket.recvfrom(DATAGRAM_OCTETS)
            except BlockingIOError:
                break
            except ConnectionError:
                continue  # an ICMP error of an earlier send; the transaction's timer tells
            self._endpoint.handle_datagram(data, source[:2], self._local, monotonic_ns())
        self._endpoint.handle_timer(monotonic_ns())
        self._drain()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _drain(self) -> None:
        while (output := self._endpoint.poll_output()) is not None:
            if isinstance(output, Transmit):
                self._socket.sendto(output.data, output.destination)
            else:
                self._handle(output)

    def _handle(self, output: SipOutput) -> None:
        now_ns = monotonic_ns()
        match output:
            case InviteAnswered(session=session, sdp=sdp):
                self._take_answer(session, sdp or b"", now_ns)
            case InviteFailed(session=session, status=status, reason=reason):
                self._fail(f"{status} {reason}")
            case OfferReceived(session=session):
                session.respond_to_offer(None, now_ns)
            case SessionEnded(session=session, by=by):
                call = self._sessions.pop(session, None)
                if call is not None and call.is_up:
                    self.counts.ended_by_peer += by == "remote"
                    self._on_over(call.number)
            case _:
                pass

    def _take_answer(self, session: OutgoingSession, sdp: bytes, now_ns: Nanoseconds) -> None:
        call = self._sessions[session]
        try:
            agreed = accept_answer(call.offered, parse_description(sdp))
        except TelephonyError as wrong:
            self._fail(str(wrong))
            session.bye(now_ns)
            return
        call.is_up = True
        self.counts.setups_ns.append(now_ns - call.at_ns)
        self._on_up(call.number, agreed)

    def _fail(self, why: str) -> None:
        if why in self.counts.failures or len(self.counts.failures) < REASONS_KEPT:
            self.counts.failures[why] += 1
        else:
            self.counts.failures["other"] += 1
