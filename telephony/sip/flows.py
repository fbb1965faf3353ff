"""The connections of one endpoint: which are up, what comes over them, when one is given up.

Source: RFC 3261 section 18, RFC 5626 sections 3.5.1 and 4.4.1 (keep-alives).
"""

from collections.abc import Callable, Iterator

from telephony.sip.events import CloseFlow, MessageRejected, SipOutput
from telephony.sip.framing import KeepAlive, StreamFramer
from telephony.sip.settings import FlowLimits
from telephony.sip.timers import Alarm, DeadlineHeap
from telephony.sip.transmit import FlowId
from telephony.units import Nanoseconds

__all__ = ["Flows"]


class Flows:
    """All connections that are up; one that keeps us waiting for too long is given up."""

    def __init__(
        self,
        limits: FlowLimits,
        heap: DeadlineHeap,
        emit: Callable[[SipOutput], None],
        is_needed: Callable[[FlowId], bool],
    ) -> None:
        """Start with none.

        Args:
            limits: How long to wait.
            heap: Where to arm the limits.
            emit: Takes `CloseFlow`, and `MessageRejected` for what never became whole.
            is_needed: Says whether a transaction or a session still uses a connection.
        """
        self._limits = limits
        self._heap = heap
        self._emit = emit
        self._is_needed = is_needed
        self._flows: dict[FlowId, _Flow] = {}

    def is_open(self, flow: FlowId | None) -> bool:
        """Say whether a connection is up."""
        return flow in self._flows

    def open(self, flow: FlowId, now_ns: Nanoseconds) -> None:
        """Note that a connection is up; whoever opened it to us has something to say."""
        state = self._flows[flow] = _Flow(flow, now_ns)
        self._arm_idle(state, now_ns)
        if not flow.is_opened_by_us:
            self._arm_message(state, now_ns)

    def close(self, flow: FlowId) -> None:
        """Note that a connection is gone."""
        state = self._flows.pop(flow, None)
        if state is not None:
            self._disarm_message(state)
            if state.idle is not None:
                self._heap.disarm(state.idle)

    def receive(
        self, flow: FlowId, data: bytes, now_ns: Nanoseconds
    ) -> Iterator[bytes | KeepAlive]:
        """Take octets of a connection; yield what is whole. One that is gone has nothing to say.

        Raises:
            SipSyntaxError: The peer broke the framing: the connection has to be closed.
        """
        state = self._flows.get(flow)
        if state is None:
            return
        state.heard_ns = now_ns
        for piece in state.framer.feed(data):
            self._disarm_message(state)
            yield piece
        if state.framer.is_amid_message and state.message is None:
            self._arm_message(state, now_ns)

    def _arm_message(self, state: "_Flow", now_ns: Nanoseconds) -> None:
        """Limit the wait for a whole message, however steadily its octets trickle in."""
        limit_ns = self._limits.message_ns

        def expire(_: Nanoseconds) -> None:
            state.message = None
            flow = state.flow
            self._emit(MessageRejected("no whole message in time", (flow.host, flow.port)))
            self._emit(CloseFlow(flow))

        state.message = self._heap.arm(Nanoseconds(now_ns + limit_ns), expire)

    def _disarm_message(self, state: "_Flow") -> None:
        if state.message is not None:
            self._heap.disarm(state.message)
            state.message = None

    def _arm_idle(self, state: "_Flow", since_ns: Nanoseconds) -> None:
        """Look at the connection once it may have been silent for as long as the limit says."""

        def expire(now_ns: Nanoseconds) -> None:
            state.idle = None
            if now_ns < state.heard_ns + self._limits.idle_ns:
                self._arm_idle(state, state.heard_ns)
            elif self._is_needed(state.flow):
                self._arm_idle(state, now_ns)
            else:
                self._emit(CloseFlow(state.flow))

        state.idle = self._heap.arm(Nanoseconds(since_ns + self._limits.idle_ns), expire)


class _Flow:
    """One connection.

    Attributes:
        framer: Cuts what arrives.
        heard_ns: When something last arrived.
        message: Limits the wait for a whole message, while one is awaited.
        idle: Limits the silence.
    """

    __slots__ = ("flow", "framer", "heard_ns", "idle", "message")

    def __init__(self, flow: FlowId, now_ns: Nanoseconds) -> None:
        self.flow = flow
        self.framer = StreamFramer(is_opened_by_us=flow.is_opened_by_us)
        self.heard_ns = now_ns
        self.message: Alarm | None = None
        self.idle: Alarm | None = None
