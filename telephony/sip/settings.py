"""What an endpoint is told about itself, once."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from telephony.sip.timers import TimerSettings
from telephony.sip.transmit import HostPort, ListenAddress
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["EndpointSettings", "FlowLimits"]

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "NOTIFY")

RING_LIMIT_NS = Nanoseconds(180 * NS_PER_SECOND)
OFFER_LIMIT_NS = Nanoseconds(10 * NS_PER_SECOND)
HANDED_OFF_WAIT_NS = Nanoseconds(4 * NS_PER_SECOND)
NOTIFY_LIMIT_NS = Nanoseconds(32 * NS_PER_SECOND)
MESSAGE_LIMIT_NS = Nanoseconds(32 * NS_PER_SECOND)
IDLE_LIMIT_NS = Nanoseconds(300 * NS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class FlowLimits:
    """How long a connection may keep us waiting before it is closed.

    Attributes:
        message_ns: For a message from its first octet to its last, and for the first one on a
            connection that the peer opened from the opening on. By default 64*T1: whoever sent it
            has given up by then.
        idle_ns: For anything at all, a keep-alive included, on a connection that no transaction
            and no session needs; looked at this often, so it may take up to twice as long. By
            default more than two of the keep-alive intervals of RFC 5626 section 4.4.1 (120 s).
    """

    message_ns: Nanoseconds = MESSAGE_LIMIT_NS
    idle_ns: Nanoseconds = IDLE_LIMIT_NS


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """The settings of one endpoint.

    Attributes:
        advertised: For each transport ("UDP", "TCP") the address and port that others reach us
            by; it stands in Via and Contact, and may differ from what the socket is bound to.
            A request can only be sent by a transport that is listed.
        allowed_sources: Numeric addresses that may ask for something outside the dialogs we have;
            None: all may. What others ask for is answered 403, without a transaction.
        sockets: For each socket that takes calls what stands in Via and Contact of messages that
            belong to it, where that is more precise than `advertised`: of several addresses the
            one that a call came to. The first of a transport and family is the one for others.
        user_agent: What User-Agent and Server say.
        allowed_methods: What Allow says, but for REFER; a known method that is not in it is
            answered 405.
        supported: Option tags we understand; a Require with any other is answered 420.
        timers: T1, T2, T4.
        flows: How long connections may be silent.
        max_transactions: Beyond it new requests outside dialogs are answered 503, but for the
            CANCEL of an INVITE that was taken.
        max_dialogs: Beyond it new INVITEs are answered 503.
        ring_limit_ns: An INVITE of ours that is unanswered for so long is cancelled (RFC 3261
            section 16.6 step 11 gives proxies over 3 minutes).
        answer_limit_ns: The user's time to decide on a peer's INVITE, before 480 does.
        offer_limit_ns: The user's time to answer a peer's new offer, before 504 does; below
            64*T1, when the peer stops waiting for the answer to an UPDATE.
        retry_after_s: What a 503 asks the peer to wait, in seconds.
        reply_to_source: Send requests inside a dialog that has no route to where the peer's INVITE
            came from, not to its Contact: for phones behind translators that do not know it.
        tcp_above_octets: A longer request goes over TCP where its target allows that (RFC 3261
            section 18.1.1); None: never.
        handed_off_wait_ns: How long the peer gets to send BYE after a transfer whose outcome it
            will not tell.
        notify_limit_ns: How long a REFER that was accepted may go without its first NOTIFY.
        accepts_refer: Let peers ask us to call someone else in their place (`ReferReceived`);
            otherwise Allow does not name REFER, and theirs is answered 405.
    """

    advertised: Mapping[str, HostPort]
    allowed_sources: Container[str] | None = None
    user_agent: str = "telephony"
    allowed_methods: tuple[str, ...] = METHODS
    supported: tuple[str, ...] = ("norefersub",)
    timers: TimerSettings = field(default_factory=TimerSettings)
    flows: FlowLimits = field(default_factory=FlowLimits)
    max_transactions: int = 20_000
    max_dialogs: int = 10_000
    ring_limit_ns: Nanoseconds = RING_LIMIT_NS
    answer_limit_ns: Nanoseconds = RING_LIMIT_NS
    offer_limit_ns: Nanoseconds = OFFER_LIMIT_NS
    retry_after_s: int = 5
    reply_to_source: bool = False
    tcp_above_octets: int | None = 1300
    handed_off_wait_ns: Nanoseconds = HANDED_OFF_WAIT_NS
    notify_limit_ns: Nanoseconds = NOTIFY_LIMIT_NS
    accepts_refer: bool = False
    sockets: Mapping[ListenAddress, HostPort] = field(default_factory=dict[ListenAddress, HostPort])

    def reached_at(self, transport: str, local: ListenAddress | None) -> HostPort:
        """Give where others reach us by a transport, at a socket if it is one of that transport.

        Raises:
            KeyError: The transport is not advertised.
        """
        if local is not None and local.transport == transport and local in self.sockets:
            return self.sockets[local]
        return self.advertised[transport]

    def socket_towards(
        self, transport: str, host: str, near: ListenAddress | None
    ) -> ListenAddress | None:
        """Choose the socket that a request to a numeric address belongs to.

        Args:
            transport: That it goes by.
            host: That it goes to.
            near: The socket of its session: one at the same address is preferred.

        Returns:
            None leaves the choice to the driver.
        """
        fitting = [
            one
            for one in self.sockets
            if one.transport == transport and (":" in one.host) == (":" in host)
        ]
        if near is None:
            return fitting[0] if fitting else None
        return max(
            fitting,
            key=lambda one: (one.host == near.host, one.port == near.port),
            default=near if near.transport == transport else None,
        )

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method that is let in, as Allow says it: phones offer a transfer by it."""
        return (*self.allowed_methods, "REFER") if self.accepts_refer else self.allowed_methods
