"""The writing half under a reader that stalls: order, bound, drops, and when it counts as dead."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine

import pytest

from telephony.engine.channel import Channel, PlainChannel
from telephony.engine.clock import monotonic_ns
from telephony.engine.tcp_options import TcpFeatures
from telephony.engine.uplink_writer import UplinkLimits, UplinkWriter

AUDIO_OCTETS = 160
FRAME = 272
"""About what 20 ms of G.711 take on the wire."""
FALLBACK = TcpFeatures(has_notsent_lowat=False, has_output_queue=False)


class Bench:
    """A writer, and the other end of its connection."""

    def __init__(self, settings: UplinkLimits, channel: Channel | None) -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.near = socket.create_connection(listener.getsockname())
            self.far, _ = listener.accept()
        self.far.setblocking(False)
        self.dead: list[str] = []
        self.died = asyncio.Event()
        self.writer = UplinkWriter(self.near, settings, monotonic_ns, self.die, channel)
        self.writer.audio_octets_per_ms = 8.0
        self.frames = 0

    def die(self, reason: str) -> None:
        self.dead.append(reason)
        self.died.set()

    def audio(self) -> int:
        """Write the next numbered frame of audio."""
        self.frames += 1
        return self.writer.write_audio(frame(b"a%07d" % self.frames), AUDIO_OCTETS)

    def stall(self) -> None:
        """Write audio until some of it has to wait."""
        while not self.writer.waiting_audio_messages:
            self.audio()

    async def read_all(self) -> list[bytes]:
        """Read until nothing waits any more; give the names of the frames."""
        read = b""
        while self.writer.backlog_ms > 0 or self.unread():
            read += self.read_some()
            await asyncio.sleep(0.001)
        return [read[at : at + 8] for at in range(0, len(read), FRAME)]

    def unread(self) -> bool:
        try:
            return bool(self.far.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def read_some(self) -> bytes:
        try:
            return self.far.recv(100_000)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.writer.stop()
        self.near.close()
        self.far.close()


def frame(name: bytes, size: int = FRAME) -> bytes:
    return name.ljust(8, b".") + bytes(size - 8)


def run(
    story: Callable[[Bench], Coroutine[None, None, None]],
    settings: UplinkLimits | None = None,
    channel: Channel | None = None,
) -> None:
    async def told() -> None:
        bench = Bench(settings or UplinkLimits(), channel)
        try:
            await story(bench)
        finally:
            bench.close()

    asyncio.run(asyncio.wait_for(told(), 30.0))


def test_audio_leaves_at_once_while_the_kernel_takes_it() -> None:
    async def story(bench: Bench) -> None:
        assert bench.audio() == 0
        assert bench.far.recv(1000)[:8] == b"a0000001"
        assert bench.writer.counters.stalls == 0

    run(story)


def test_messages_overtake_waiting_audio_and_ordered_ones_keep_their_place() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        bench.writer.write_message(frame(b"commit"), after_audio=True)
        bench.audio()
        bench.writer.write_message(frame(b"cancel"))
        bench.writer.write_message(frame(b"cut"))
        names = [name.rstrip(b".") for name in await bench.read_all()]
        last_before = names.index(b"cancel") - 1
        rest = names[last_before + 1 :]
        audio = [b"a%07d" % number for number in range(1, bench.frames + 1)]
        assert names[: last_before + 1] == audio[: last_before + 1]
        assert rest == [
            b"cancel",
            b"cut",
            *audio[last_before + 1 : -1],
            b"commit",
            audio[-1],
        ]
        assert bench.writer.counters.dropped_audio_messages == 0

    run(story)


@pytest.mark.parametrize("tcp", [TcpFeatures(), FALLBACK], ids=["native", "forced fallback"])
def test_no_more_than_a_second_waits_and_the_oldest_is_dropped(tcp: TcpFeatures) -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        dropped = sum(bench.audio() for _ in range(500))
        writer = bench.writer
        assert dropped > 400
        assert writer.counters.dropped_audio_messages == dropped
        assert writer.counters.dropped_audio_ms == pytest.approx(dropped * 20)
        assert writer.backlog_ms <= 1000 + 20
        names = await bench.read_all()
        assert names[-1] == b"a%07d" % bench.frames
        assert len(names) == bench.frames - dropped
        assert names == sorted(names)

    run(story, UplinkLimits(tcp=tcp))


def test_the_kernels_share_counts() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        own_ms = bench.writer.waiting_audio_messages * 20
        assert bench.writer.backlog_ms > own_ms

    run(story)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows the kernel's share")
def test_audio_waits_while_a_second_of_it_lies_in_the_kernel_and_messages_do_not() -> None:
    async def story(bench: Bench) -> None:
        writer, worst_ms = bench.writer, 0.0
        while writer.counters.dropped_audio_messages < 100:
            bench.audio()
            worst_ms = max(worst_ms, writer.backlog_ms)
            await asyncio.sleep(0.0005)
        assert worst_ms <= 1000 + 20
        writer.write_message(frame(b"cancel"))
        await asyncio.sleep(0)
        assert writer.waiting_audio_messages >= 1
        newest = b"a%07d" % bench.frames
        names = [name.rstrip(b".") for name in await bench.read_all()]
        assert names[-1] == newest
        assert names.index(b"cancel") < len(names) - 1
        assert len(names) == bench.frames - writer.counters.dropped_audio_messages + 1

    run(story, UplinkLimits(send_buffer=1 << 20, notsent_octets=1 << 20))


def test_after_a_stall_audio_leaves_at_once_again() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        await bench.read_all()
        before = bench.writer.counters.stalls
        bench.audio()
        assert bench.writer.counters.stalls == before
        assert bench.writer.waiting_audio_messages == 0

    run(story)


def test_no_progress_for_the_limit_is_death_and_nothing_is_written_after() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        started = monotonic_ns()
        await bench.died.wait()
        assert (monotonic_ns() - started) / 1e6 >= 200
        assert bench.dead == ["the server took nothing for 200 ms"]
        assert bench.audio() == 0
        bench.writer.write_message(frame(b"late"))
        assert bench.writer.backlog_ms == 0

    run(story, UplinkLimits(dead_after_ms=200))


def test_a_slow_reader_is_not_dead() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        for _ in range(60):
            bench.audio()
            bench.read_some()
            await asyncio.sleep(0.01)
        assert bench.dead == []

    run(story, UplinkLimits(dead_after_ms=300))


def test_too_much_waiting_besides_audio_is_death() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        bench.writer.write_message(frame(b"result", 2000))
        bench.writer.write_message(frame(b"result", 2000))
        await asyncio.sleep(0)
        assert bench.dead == ["too much waits to be written"]

    run(story, UplinkLimits(message_octets=3000))


def test_a_message_begun_is_finished_before_another() -> None:
    async def story(bench: Bench) -> None:
        big = b"B" * 500_000
        bench.writer.write_message(big)
        bench.writer.write_message(b"C" * 100)
        read = b""
        while len(read) < len(big) + 100:
            read += bench.read_some()
            await asyncio.sleep(0)
        assert read == big + b"C" * 100

    run(story)


@pytest.mark.parametrize("is_audio", [True, False])
def test_a_broken_connection_is_told_from_the_loop(is_audio: bool) -> None:
    async def story(bench: Bench) -> None:
        bench.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        bench.far.close()
        await asyncio.sleep(0.01)
        if is_audio:
            bench.audio()
        else:
            bench.writer.write_message(frame(b"m"))
        assert bench.dead == []
        await asyncio.sleep(0)
        assert len(bench.dead) == 1

    run(story)


def test_a_connection_that_breaks_while_audio_waits_is_told() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        bench.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        bench.far.close()
        await bench.died.wait()
        assert len(bench.dead) == 1

    run(story)


def test_audio_is_forgotten_on_request() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        bench.writer.forget_audio()
        assert bench.writer.waiting_audio_messages == 0

    run(story)


class Numbering(PlainChannel):
    """Puts the number of the record before each frame, as TLS does unseen."""

    def __init__(self) -> None:
        self.sealed = 0

    def seal(self, octets: bytes) -> bytes:
        self.sealed += 1
        return b"%08d" % self.sealed + octets

    def goodbye(self) -> bytes:
        return self.seal(b"goodbye")


def test_frames_are_sealed_in_the_order_in_which_they_are_written_and_none_too_early() -> None:
    channel = Numbering()

    async def story(bench: Bench) -> None:
        bench.stall()
        for _ in range(100):
            bench.audio()
        unsealed = bench.writer.waiting_audio_messages
        assert channel.sealed == bench.frames - unsealed - (dropped := dropped_by(bench))
        answer = channel.seal(b"answer".ljust(FRAME))
        bench.writer.write_sealed(answer)
        bench.writer.write_message(frame(b"cancel"))
        read = b""
        while bench.writer.backlog_ms > 0 or bench.unread():
            read += bench.read_some()
            await asyncio.sleep(0.001)
        records = [read[at : at + FRAME + 8] for at in range(0, len(read), FRAME + 8)]
        assert [int(record[:8]) for record in records] == list(range(1, channel.sealed + 1))
        names = [record[8:16].rstrip(b". ") for record in records]
        assert names.index(b"cancel") == names.index(b"answer") + 1
        assert len(names) == bench.frames - dropped + 2
        bench.writer.say_goodbye()
        assert bench.far.recv(100) == b"%08dgoodbye" % channel.sealed

    run(story, channel=channel)


def dropped_by(bench: Bench) -> int:
    return bench.writer.counters.dropped_audio_messages


def test_what_the_channel_says_leaves_at_once() -> None:
    async def story(bench: Bench) -> None:
        bench.writer.write_sealed(b"answer")
        assert bench.far.recv(100) == b"answer"
        assert bench.writer.counters.stalls == 0

    run(story)


def test_a_goodbye_is_not_put_into_the_middle_of_a_frame() -> None:
    async def story(bench: Bench) -> None:
        bench.stall()
        sealed = bench.frames - bench.writer.waiting_audio_messages
        bench.writer.say_goodbye()
        read = b""
        while bench.unread():
            read += bench.read_some()
        assert b"goodbye" not in read
        assert len(read) < sealed * (FRAME + 8)

    run(story, channel=Numbering())


class Broken(PlainChannel):
    """A channel that the peer has broken."""

    def seal(self, octets: bytes) -> bytes:
        error = ssl.SSLError(ssl.SSL_ERROR_SSL, f"{len(octets)} octets of no use")
        error.reason = "PROTOCOL_IS_SHUTDOWN"
        raise error


@pytest.mark.parametrize("is_audio", [True, False])
def test_a_broken_channel_is_told_once_from_the_loop(is_audio: bool) -> None:
    async def story(bench: Bench) -> None:
        for _ in range(2):
            if is_audio:
                assert bench.audio() == 0
            else:
                bench.writer.write_message(frame(b"m"))
        assert bench.dead == []
        await asyncio.sleep(0)
        assert bench.dead == ["the connection broke: TLS: PROTOCOL_IS_SHUTDOWN"]
        bench.writer.write_sealed(b"late")
        bench.writer.say_goodbye()
        assert not bench.unread()

    run(story, channel=Broken())
