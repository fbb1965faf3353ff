"""Writes one session's frames to its socket, and knows how many milliseconds of audio wait.

The kernel takes more than it can send, whatever it is told: with a peer that stops reading, some
seconds of audio were found in it, unacknowledged. So audio is written only while less than the
bound lies there, which is asked once in as many octets as there was room for when it was asked.

A frame is sealed (encrypted, with TLS) when it is about to be written, never before: what waits can
still be overtaken or dropped. From then on it is written to its end.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from telephony.engine.channel import Channel, PlainChannel
from telephony.engine.tcp_options import TcpFeatures, tune, unacknowledged_octets
from telephony.engine.uplink_backlog import UplinkBacklog
from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["UplinkCounters", "UplinkLimits", "UplinkWriter", "reason_of"]

PAUSE_SECONDS = 0.02
"""How long audio waits for the peer to acknowledge some, while the kernel would take more."""
CHECKS_PER_DEADLINE = 8
"""How often a stall is looked at before the connection counts as dead."""
PCM_OCTETS_PER_MS = 48.0
"""PCM16 at 24,000 Hz: what a session takes until it grants something else."""


@dataclass(frozen=True, slots=True)
class UplinkLimits:
    """How much may wait, and for how long."""

    backlog_ms: float = 1000.0
    """Audio that may wait, ours and the kernel's together; older audio is dropped."""
    dead_after_ms: float = 3000.0
    """Time without any progress of what waits, after which the connection counts as dead."""
    message_octets: int = 16 * 1024 * 1024
    """Unwritten octets of anything but audio, after which it counts as dead, too."""
    send_buffer: int = 32_768
    """Octets for SO_SNDBUF."""
    notsent_octets: int = 8192
    """Unsent octets at which the kernel takes no more: 0.6 s of G.711."""
    tcp: TcpFeatures = field(default_factory=TcpFeatures)


@dataclass(slots=True)
class UplinkCounters:
    """What happened to the uplink; each only grows."""

    audio_messages: int = 0
    dropped_audio_messages: int = 0
    dropped_audio_ms: float = 0.0
    stalls: int = 0
    """Times that the kernel took less than we had."""


def reason_of(error: OSError) -> str:
    """Say what broke a connection, such as ECONNRESET."""
    if isinstance(error, ssl.SSLError):
        return f"the connection broke: TLS: {error.reason}"
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return f"the connection broke: {name}"


class UplinkWriter:
    """The writing half of a connection: what the kernel does not take waits here, bounded.

    Attributes:
        counters: What happened so far.
        audio_octets_per_ms: Of the session's input format, before base64.
    """

    def __init__(
        self,
        connection: socket.socket,
        settings: UplinkLimits,
        clock: Callable[[], Nanoseconds],
        on_dead: Callable[[str], None],
        channel: Channel | None = None,
    ) -> None:
        """Take over a connected socket and tune it; needs a running loop.

        Args:
            connection: A TCP socket; closing it stays the caller's.
            settings: Limits.
            clock: The monotonic clock.
            on_dead: Called once from the loop, never from within a write, with the reason.
            channel: Seals each frame; None writes it as it is.
        """
        self.counters = UplinkCounters()
        self.audio_octets_per_ms = PCM_OCTETS_PER_MS
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._on_dead = on_dead
        self._loop = asyncio.get_running_loop()
        self._backlog = UplinkBacklog()
        self._channel = channel or PlainChannel()
        self._seal = self._channel.seal
        self._overhead = 0
        """Octets that sealing added to the last frame."""
        self._frame_octets = self._audio_octets = 1
        """Of the last audio written: what the kernel holds is mostly more of the same."""
        self._is_stalled = False
        self._is_dead = False
        self._progress_ns = clock()
        self._unacknowledged = 0
        self._credit = 0.0
        """Octets of audio that may be written before the kernel's share must be known again."""
        self._stall_timer: asyncio.TimerHandle | None = None
        self._pause_timer: asyncio.TimerHandle | None = None
        tune(
            connection,
            settings.tcp,
            send_buffer=settings.send_buffer,
            notsent=settings.notsent_octets,
        )

    @property
    def backlog_ms(self) -> float:
        """Audio that the server's side has not acknowledged: ours and the kernel's."""
        return 0.0 if self._is_dead else self._backlog.audio_ms + self._kernel_ms()

    @property
    def waiting_audio_messages(self) -> int:
        """Audio frames that wait whole: the ones that may yet be dropped."""
        return self._backlog.audio_frames

    def write_audio(self, frame: bytes, audio_octets: int) -> int:
        """Write a frame of audio at once, or let it wait.

        Args:
            frame: A whole WebSocket frame.
            audio_octets: How much audio is in it, before base64.

        Returns:
            How many of the oldest waiting audio frames were dropped to make room, usually 0.
        """
        self.counters.audio_messages += 1
        octets = len(frame) + self._overhead
        self._frame_octets, self._audio_octets = octets, audio_octets
        if not self._is_stalled and (octets <= self._credit or self._has_room(octets)):
            self._credit -= octets
            if self._begin(frame):
                return 0
        elif not self._is_dead:
            self._backlog.push_audio(frame, audio_octets / self.audio_octets_per_ms)
        return self._bound_audio()

    def write_message(self, frame: bytes, *, after_audio: bool = False) -> None:
        """Write any other frame at once, or let it wait ahead of audio, or in its place."""
        if not self._is_stalled:
            if not self._begin(frame):
                self._wait()
            return
        if after_audio:
            self._backlog.push_after_audio(frame)
        else:
            self._backlog.push_message(frame)
        self._wait()
        if self._backlog.message_octets > self._settings.message_octets:
            self._die("too much waits to be written")

    def write_sealed(self, records: bytes) -> None:
        """Write what the channel itself has to say, right behind what was sealed before it."""
        written = self._send(records) if self._backlog.rest is None else 0
        if written < len(records):
            self._backlog.begin(records, written)
            self._wait()

    def forget_audio(self) -> None:
        """Drop the audio that waits: the session is closing."""
        self._backlog.clear_audio()

    def stop(self) -> None:
        """Write nothing any more; the socket may be closed after this."""
        self._is_dead = True
        self._unstall()

    def say_goodbye(self) -> None:
        """Write the channel's last octets, where the peer can make sense of them; then `stop`."""
        if self._backlog.rest is None:
            self._send(self._channel.goodbye())
        self.stop()

    def _begin(self, frame: bytes) -> bool:
        """Seal a frame and write it; tell whether all of it went. What did not, waits first."""
        if self._is_dead:
            return False
        sealed, written = b"", 0
        try:
            sealed = self._seal(frame)
            written = self._connection.send(sealed)
        except BlockingIOError:
            pass  # sealed, it is written to its end, however late that is
        except OSError as error:
            self._die(reason_of(error))
            return False
        self._overhead = len(sealed) - len(frame)
        if written == len(sealed):
            return True
        self._backlog.begin(sealed, written)
        return False

    def _send(self, frame: bytes | memoryview) -> int:
        """Give the kernel what it takes; 0 when that is nothing, or the connection is dead."""
        try:
            return 0 if self._is_dead else self._connection.send(frame)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._die(reason_of(error))
            return 0

    def _has_room(self, octets: int) -> bool:
        """Ask the kernel what lies in it, and tell whether so much audio may be written, too."""
        limit_ms = self._settings.backlog_ms - self._kernel_ms()
        per_audio_octet = self._frame_octets / max(self._audio_octets, 1)
        self._credit = limit_ms * self.audio_octets_per_ms * per_audio_octet
        return octets <= self._credit

    def _bound_audio(self) -> int:
        """Drop the oldest audio that is too much; give the frames."""
        if self._is_dead:
            return 0
        self._stall()
        room_ms = self._settings.backlog_ms - self._kernel_ms()
        frames, dropped_ms = self._backlog.trim_audio(room_ms)
        self.counters.dropped_audio_messages += frames
        self.counters.dropped_audio_ms += dropped_ms
        return frames

    def _kernel_ms(self) -> float:
        octets = unacknowledged_octets(self._connection, self._settings.tcp)
        return octets * self._audio_octets / self._frame_octets / self.audio_octets_per_ms

    def _wait(self) -> None:
        """Write as soon as the kernel takes more, whatever lies in it: no audio is next."""
        self._stall()
        if self._pause_timer is not None:
            self._pause_timer.cancel()
            self._resume()

    def _stall(self) -> None:
        if self._is_stalled or self._is_dead:
            return
        self._is_stalled = True
        self.counters.stalls += 1
        self._note_progress()
        self._loop.add_writer(self._connection, self._flush)
        self._arm()

    def _unstall(self) -> None:
        if self._is_stalled:
            self._is_stalled = False
            self._loop.remove_writer(self._connection)
        for timer in (self._stall_timer, self._pause_timer):
            if timer is not None:
                timer.cancel()
        self._stall_timer = self._pause_timer = None

    def _pause(self) -> None:
        """Wait for acknowledgements instead of for the kernel, which would take more at once."""
        self._loop.remove_writer(self._connection)
        self._pause_timer = self._loop.call_later(PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause_timer = None
        self._loop.add_writer(self._connection, self._flush)

    def _flush(self) -> None:
        while True:
            rest = self._backlog.rest
            if rest is None:
                frame, is_audio = self._backlog.next_frame()
                if not frame:
                    break
                if is_audio:
                    octets = len(frame) + self._overhead
                    if octets > self._credit and not self._has_room(octets):
                        self._pause()
                        return
                    self._credit -= octets
                self._backlog.pop()
                if not self._begin(frame):
                    return
            else:
                written = self._send(rest)
                if not written:
                    return
                self._backlog.advance(written)
            self._note_progress()
        self._unstall()

    def _note_progress(self) -> None:
        self._progress_ns = self._clock()
        self._unacknowledged = unacknowledged_octets(self._connection, self._settings.tcp)

    def _arm(self) -> None:
        seconds = self._settings.dead_after_ms / 1000 / CHECKS_PER_DEADLINE
        self._stall_timer = self._loop.call_later(seconds, self._check_stall)

    def _check_stall(self) -> None:
        """Count acknowledged octets as progress, too: the peer lives, its window is just small."""
        if unacknowledged_octets(self._connection, self._settings.tcp) < self._unacknowledged:
            self._note_progress()
        limit_ms = self._settings.dead_after_ms
        if self._clock() - self._progress_ns >= limit_ms * NS_PER_MS:
            self._die(f"the server took nothing for {limit_ms:g} ms")
        else:
            self._arm()

    def _die(self, reason: str) -> None:
        self.stop()
        self._loop.call_soon(self._on_dead, reason)
