"""Prints what the Realtime protocol's hot path costs, in microseconds of CPU.

Run from the checkout: `python -m tests.bench.realtime_costs [--json]`. A figure is the best of its
runs by `process_time` on this machine. `append_write` is a whole append over loopback TCP:
template, frame, system call; `send_syscall` is that call alone, so their difference is ours. The
same with TLS ends in `_tls`; `tls_call_frame` is what that adds to 20 ms of a call, one append and
a fifth of a delta, and is held to a quarter of a call-frame's budget.
"""

import asyncio
import base64
import gc
import json
import resource
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from websockets.frames import Frame, Opcode

from telephony.engine.channel import RECORD_OCTETS, TlsChannel, client_context
from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket, SocketSettings
from telephony.realtime import RealtimeSession, append_message, read_audio_delta
from telephony.realtime.events import parse_server_event
from telephony.units import Nanoseconds
from telephony.voice import Close
from tests.bench.costs import print_costs, print_json, wants_json
from tests.support.certificates import Authority
from tests.support.websocket_peer import WebSocketPeer

RUNS = 7
ROUNDS = 20_000
WRITES = 2_000
BURST = 20
"""Messages between which the peer is emptied, so that no write waits."""
CHANNELS = 100
INSTRUCTIONS_OCTETS = 8192
"""Of a session.update, the longest message that usually goes up."""
DELTA, DELTAS_PER_CALL_FRAME = "delta_600_received", 0.2
TLS_CALL_FRAME_US = 12.5
"""A quarter of the 50 us that a call-frame may take."""
TLS_KIB = 100
G711, PCM = bytes(range(160)), bytes(960)


def delta(octets: int) -> bytes:
    """Make an audio delta of so many octets of audio, written as the hosted server writes it."""
    return json.dumps(
        {
            "type": "response.output_audio.delta",
            "event_id": "event_CsQ1Xyz0123456789",
            "response_id": "resp_CsQ1Xyz0123456789",
            "item_id": "item_CsQ1Xyz0123456789",
            "output_index": 0,
            "content_index": 0,
            "delta": base64.b64encode(bytes(index % 251 for index in range(octets))).decode(),
        },
        separators=(",", ":"),
    ).encode()


DELTA_600, DELTA_9600 = delta(600), delta(9600)
SPEECH = (
    b'{"type":"input_audio_buffer.speech_started","event_id":"e","item_id":"i","audio_start_ms":1}'
)
NEWS = b'{"type":"vendor.news","event_id":"e","words":"of a type that nobody knows"}'


def each(operation: Callable[[], object], share: int = 1) -> float:
    """Give microseconds of CPU per operation, best of the runs, an empty loop taken off.

    Args:
        operation: Called so often as `ROUNDS` says, or a share of that.
        share: Of which it is one part in so many.
    """
    rounds = ROUNDS // share
    best = floor = float("inf")
    for _ in range(RUNS):
        started = time.process_time()
        for _ in range(rounds):
            operation()
        best = min(best, time.process_time() - started)
        started = time.process_time()
        for _ in range(rounds):
            pass
        floor = min(floor, time.process_time() - started)
    return (best - floor) / rounds * 1e6


def handle(text: bytes) -> Callable[[], object]:
    """Let a session take one message and tell what it made of it."""
    session = RealtimeSession(lambda: "token")
    now_ns = Nanoseconds(0)

    def operation() -> None:
        session.handle_message(text, now_ns)
        while session.poll_output() is not None:
            pass

    return operation


def empty(far: socket.socket) -> None:
    """Read all that has arrived."""
    try:
        while far.recv(1 << 20):
            pass
    except BlockingIOError:
        return


def timed_bursts(write: Callable[[], object], far: socket.socket) -> float:
    """Give microseconds of CPU per write, best burst of all, the reading not counted."""
    best = float("inf")
    for _ in range(WRITES // BURST):
        started = time.process_time_ns()
        for _ in range(BURST):
            write()
        best = min(best, time.process_time_ns() - started)
        empty(far)
    return best / BURST / 1000


class Ends(NamedTuple):
    """What both ends of a TLS connection on loopback trust and show."""

    trusting: ssl.SSLContext
    server: ssl.SSLContext


def tls_ends(directory: Path) -> Ends:
    """Make an authority, and give what trusts it and what shows a certificate of it."""
    authority = Authority(directory)
    trusting = client_context()
    trusting.load_verify_locations(authority.certificate)
    return Ends(trusting, authority.server())


def syscall_floor(octets: int) -> float:
    """Give what the kernel takes for a write of so many octets, whoever asks for it."""
    data = bytes(octets)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.setblocking(False)
        return timed_bursts(lambda: near.send(data), far)


async def over_tcp(ends: Ends | None) -> dict[str, float]:
    """Time whole writes, and the reading of deltas by the socket's driver."""
    peer = WebSocketPeer(tls=ends.server if ends else None)
    session = RealtimeSession(lambda: "token")
    told, all_told = 0, asyncio.Event()

    def count(_event: object) -> None:
        nonlocal told
        told += 1
        if told == BURST:
            all_told.set()

    settings = SocketSettings(tls=ends.trusting if ends else None)
    line = RealtimeSocket(peer.url, {}, session, count, monotonic_ns, settings)
    await asyncio.gather(line.connect(), peer.accept())
    costs = {
        "append_write": timed_bursts(
            lambda: line.write_audio(session.append_message(G711), len(G711)), peer.connection
        ),
    }
    deltas = [Frame(Opcode.TEXT, DELTA_600).serialize(mask=False) for _ in range(BURST)]
    best = float("inf")
    for _ in range(WRITES // BURST):
        told = 0
        all_told.clear()
        peer.connection.send(b"".join(peer.seal(frame) for frame in deltas))
        started = time.process_time_ns()
        await all_told.wait()
        best = min(best, time.process_time_ns() - started)
    costs["delta_600_received"] = best / BURST / 1000
    line.command(Close())
    peer.connection.close()
    peer.close()
    await line.close()
    return costs


def channel_with(ends: Ends) -> tuple[TlsChannel, float]:
    """Let a channel stand and carry a long message each way; give the handshake's cost for us."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ends.server.wrap_bio(incoming, outgoing, server_side=True)
    channel = TlsChannel(ends.trusting, "127.0.0.1")
    received, cost, is_done = b"", 0.0, False
    while not is_done:
        started = time.process_time()
        is_done = channel.shake_hands(received)
        answer = channel.take_answer()
        cost += time.process_time() - started
        incoming.write(answer)
        with suppress(ssl.SSLWantReadError):
            server.do_handshake()
        received = outgoing.read()
    channel.seal(bytes(INSTRUCTIONS_OCTETS))
    server.write(bytes(RECORD_OCTETS))
    channel.unseal(received + outgoing.read())
    return channel, cost


def resident_kib() -> float:
    """Give the memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def tls_alone(ends: Ends) -> tuple[dict[str, float], float]:
    """Give what TLS costs without a socket, and the KiB that one connection's holds."""
    kept = [channel_with(ends) for _ in range(CHANNELS // 5)]
    before = resident_kib()
    kept += [channel_with(ends) for _ in range(CHANNELS)]
    held = (resident_kib() - before) / CHANNELS
    channel, frame = kept[0][0], bytes(8 + len(append_message(G711)))
    costs = {
        "tls_handshake": min(cost for _, cost in kept) * 1e6,
        "tls_seal": each(lambda: channel.seal(frame)),
    }
    return costs, held


def tls_costs(plain: dict[str, float]) -> tuple[dict[str, float], float]:
    """Give the same with TLS, what that adds to a call-frame, and the KiB of a connection."""
    with tempfile.TemporaryDirectory() as directory:
        ends = tls_ends(Path(directory))
    alone, held = tls_alone(ends)
    over = {f"{name}_tls": cost for name, cost in asyncio.run(over_tcp(ends)).items()}
    added = {name: over[f"{name}_tls"] - plain[name] for name in ("append_write", DELTA)}
    call_frame = added["append_write"] + added[DELTA] * DELTAS_PER_CALL_FRAME
    return {**alone, **over, "tls_call_frame": call_frame}, held


def measure() -> tuple[dict[str, float], float]:
    """Give microseconds per operation, by name, and the KiB that a TLS connection holds."""
    gc.disable()
    text = DELTA_600.decode()
    costs = {
        "append_g711": each(lambda: append_message(G711)),
        "append_pcm": each(lambda: append_message(PCM)),
        "delta_600": each(lambda: read_audio_delta(DELTA_600)),
        "delta_9600": each(lambda: read_audio_delta(DELTA_9600), 10),
        "delta_600_models": each(lambda: parse_server_event(DELTA_600)),
        "delta_600_json": each(lambda: base64.b64decode(json.loads(text)["delta"])),
        "session_delta_600": each(handle(DELTA_600)),
        "session_speech": each(handle(SPEECH), 4),
        "session_unknown": each(handle(NEWS), 4),
        "send_syscall": syscall_floor(8 + len(append_message(G711))),
        **asyncio.run(over_tcp(None)),
    }
    costs["own_append"] = costs["append_write"] - costs["send_syscall"]
    tls, held = tls_costs(costs)
    gc.enable()
    return {name: round(cost, 3) for name, cost in {**costs, **tls}.items()}, round(held, 1)


def main() -> int:
    """Print the table, or one JSON object; give 1 where TLS adds too much."""
    as_json = wants_json(__doc__)
    costs, held = measure()
    ok = costs["tls_call_frame"] <= TLS_CALL_FRAME_US and held <= TLS_KIB
    if as_json:
        print_json(costs, tls_kib=held)
        return int(not ok)
    print_costs(costs)
    print(f"TLS adds {costs['tls_call_frame']} us to a call-frame, at most {TLS_CALL_FRAME_US}")
    print(f"and holds {held} KiB of memory per connection, at most {TLS_KIB}")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
