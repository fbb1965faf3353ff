"""Transactions of one kind: takes their machines' steps, keeps their timers.

Source: RFC 3261 section 17.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from telephony.sip.events import SipOutput
from telephony.sip.message import Request, Response
from telephony.sip.settings import EndpointSettings
from telephony.sip.timers import DeadlineHeap, Timer, first_interval, next_interval
from telephony.sip.transaction import (
    Act,
    Arm,
    Disarm,
    Input,
    Pace,
    State,
    TransactionInput,
)
from telephony.sip.transaction_record import ClientTransaction, ServerTransaction
from telephony.sip.transmit import FlowId, Hop, HostPort, Transmit
from telephony.units import Nanoseconds

__all__ = ["Shared", "Step", "Transactions"]

T = TypeVar("T", ClientTransaction, ServerTransaction)


class Shared(NamedTuple):
    """What both kinds of transaction have in common.

    Attributes:
        settings: The endpoint's settings.
        heap: Its alarms.
        token: Mints identifiers.
        emit: Queues something for `poll_output`.
        is_open: Says whether a connection is up.
    """

    settings: EndpointSettings
    heap: DeadlineHeap
    token: Callable[[], str]
    emit: Callable[[SipOutput], None]
    is_open: Callable[[FlowId | None], bool]


class Step(NamedTuple):
    """What a step of a machine is about.

    Attributes:
        what: The input.
        message: The ACK that came, or the answer to send, where the input is about one.
        now_ns: The time.
    """

    what: TransactionInput
    message: Request | Response | None
    now_ns: Nanoseconds


class Transactions(ABC, Generic[T]):
    """All transactions of one kind."""

    def __init__(self, shared: Shared) -> None:
        """Start with none."""
        self._settings = shared.settings
        self._heap = shared.heap
        self._token = shared.token
        self._emit = shared.emit
        self._is_open = shared.is_open
        self._alive: dict[tuple[object, ...], T] = {}

    @property
    def count(self) -> int:
        """Transactions alive."""
        return len(self._alive)

    def uses(self, flow: FlowId) -> bool:
        """Say whether a transaction sends over a connection."""
        return any(transaction.hop.is_over(flow) for transaction in self._alive.values())

    def receive_transport_error(
        self, destination: HostPort, transport: str | None, now_ns: Nanoseconds
    ) -> None:
        """Tell every transaction that sends to a destination that it cannot be reached."""
        hit = [
            transaction
            for transaction in self._alive.values()
            if transaction.hop.destination == destination
            and transport in (None, transaction.hop.transport)
        ]
        for transaction in hit:
            if transaction.state is not State.TERMINATED:
                self._fail(transaction, now_ns)

    @abstractmethod
    def _act(self, transaction: T, action: Act, step: Step) -> None:
        """Carry out an action that is no timer's."""

    def _fail(self, transaction: T, now_ns: Nanoseconds) -> None:
        """Take the failure of the transport."""
        self._run(transaction, Input.TRANSPORT_ERROR, now_ns)

    def _to_hop(self, data: bytes, hop: Hop) -> Transmit:
        flow = hop.flow if self._is_open(hop.flow) else None
        return Transmit(data, hop.transport, hop.destination, hop.local, flow)

    def _run(
        self,
        transaction: T,
        what: TransactionInput,
        now_ns: Nanoseconds,
        message: Request | Response | None = None,
    ) -> None:
        """Take one step and carry out its actions.

        Args:
            transaction: Which one.
            what: The input.
            now_ns: The time.
            message: The ACK that came, or the answer to send, where the input is about one.
        """
        actions = transaction.machine.advance(what)
        if transaction.state is State.TERMINATED:
            self._drop(transaction)
        for action in actions:
            if isinstance(action, Arm):
                self._arm(transaction, action, now_ns)
            elif isinstance(action, Disarm):
                self._disarm(transaction, action.timer)
            else:
                self._act(transaction, action, Step(what, message, now_ns))

    def _arm(
        self,
        transaction: T,
        action: Arm,
        now_ns: Nanoseconds,
    ) -> None:
        timer, settings = action.timer, self._settings.timers
        if action.pace is Pace.DOUBLED:
            interval = next_interval(timer, transaction.intervals[timer], settings)
        elif action.pace is Pace.T2:
            interval = settings.t2_ns
        else:
            first = first_interval(timer, settings, reliable=transaction.reliable)
            if first is None:
                return
            interval = first
        transaction.intervals[timer] = interval
        self._disarm(transaction, timer)

        def expire(now_ns: Nanoseconds) -> None:
            self._run(transaction, timer, now_ns)

        transaction.alarms[timer] = self._heap.arm(Nanoseconds(now_ns + interval), expire)

    def _disarm(self, transaction: T, timer: Timer) -> None:
        alarm = transaction.alarms.pop(timer, None)
        if alarm is not None:
            self._heap.disarm(alarm)

    def _drop(self, transaction: T) -> None:
        for alarm in transaction.alarms.values():
            self._heap.disarm(alarm)
        transaction.alarms.clear()
        self._alive.pop(transaction.key, None)
