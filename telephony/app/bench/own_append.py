"""What an append costs before the socket: everything of ours, into a socket that takes it at once.

A whole append less a bare write would not tell: what the kernel takes for a write swings by more
than an append of ours costs, with what the far end is doing at that moment.
"""

import secrets
import socket
import time
from collections.abc import Callable

from telephony.app.bench.measured_client import AUDIO, BURST, NS_PER_US
from telephony.engine.clock import monotonic_ns
from telephony.engine.uplink_writer import UplinkLimits, UplinkWriter
from telephony.engine.websocket_text import TextFrames
from telephony.realtime import RealtimeSession, append_message

__all__ = ["OwnAppend"]

LOOPBACK = "127.0.0.1"


class _Sink(socket.socket):
    """Says of everything that it is written."""

    def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override] # only frames
        """Write nothing."""
        del flags
        return len(data)


class OwnAppend:
    """The way of an append as `RealtimeSocket.write_audio` has it; needs a running loop."""

    def __init__(self) -> None:
        """Connect the sink to nobody who matters."""
        with socket.create_server((LOOPBACK, 0)) as listener:
            self._sink = _Sink()
            self._sink.connect(listener.getsockname())
        self._writer = UplinkWriter(self._sink, UplinkLimits(), monotonic_ns, lambda _reason: None)
        self._session = RealtimeSession(lambda: secrets.token_hex(8))

    def us(self, bursts: int) -> float:
        """Give the microseconds of processor time of an append, the sink's own taken off."""
        frame, session, write_audio = TextFrames().frame, self._session, self._writer.write_audio
        send, made = self._sink.send, TextFrames().frame(append_message(AUDIO))

        def append() -> None:
            message = session.append_message(AUDIO)
            write_audio(frame(message), len(AUDIO))

        def nothing() -> None:
            send(made)

        return _least_us(append, bursts) - _least_us(nothing, bursts)

    def close(self) -> None:
        """Close the sink."""
        self._writer.stop()
        self._sink.close()


def _least_us(operation: Callable[[], None], bursts: int) -> float:
    """Give the microseconds of one of a burst's operations, of the best burst."""
    best_ns = 1 << 62
    for _ in range(bursts):
        started_ns = time.process_time_ns()
        for _ in range(BURST):
            operation()
        best_ns = min(best_ns, time.process_time_ns() - started_ns)
    return best_ns / BURST / NS_PER_US
