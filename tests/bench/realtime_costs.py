"""Prints what the Realtime protocol's hot path costs, in microseconds of CPU.

Run from the checkout: `python -m tests.bench.realtime_costs [--json]`. A figure is the best of its
runs by `process_time` on this machine. `append_write` is a whole append over loopback TCP:
template, frame, system call; `send_syscall` is that call alone, so their difference is ours.
"""

import argparse
import asyncio
import base64
import gc
import json
import platform
import socket
import time
from collections.abc import Callable

from websockets.frames import Frame, Opcode

from telephony.engine.clock import monotonic_ns
from telephony.engine.realtime_socket import RealtimeSocket
from telephony.realtime import RealtimeSession, append_message, read_audio_delta
from telephony.realtime.events import parse_server_event
from telephony.units import Nanoseconds
from tests.support.websocket_peer import WebSocketPeer

RUNS = 7
ROUNDS = 20_000
WRITES = 2_000
BURST = 20
"""Messages between which the peer is emptied, so that no write waits."""
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


def each(operation: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Give microseconds of CPU per operation, best of the runs, an empty loop taken off."""
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


async def over_tcp() -> dict[str, float]:
    """Time whole writes, and the reading of deltas by the socket's driver."""
    peer = WebSocketPeer()
    session = RealtimeSession(lambda: "token")
    told, all_told = 0, asyncio.Event()

    def count(_event: object) -> None:
        nonlocal told
        told += 1
        if told == BURST:
            all_told.set()

    line = RealtimeSocket(peer.url, {}, session, count, monotonic_ns)
    await asyncio.gather(line.connect(), peer.accept())
    frame = bytes(8 + len(append_message(G711)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.setblocking(False)
        costs = {
            "send_syscall": timed_bursts(lambda: near.send(frame), far),
            "append_write": timed_bursts(
                lambda: line.write_audio(session.append_message(G711)), peer.connection
            ),
        }
    costs["own_append"] = costs["append_write"] - costs["send_syscall"]
    deltas = [Frame(Opcode.TEXT, DELTA_600).serialize(mask=False) for _ in range(BURST)]
    octets = b"".join(deltas)
    best = float("inf")
    for _ in range(WRITES // BURST):
        told = 0
        all_told.clear()
        peer.connection.send(octets)
        started = time.process_time_ns()
        await all_told.wait()
        best = min(best, time.process_time_ns() - started)
    costs["delta_600_received"] = best / BURST / 1000
    await asyncio.gather(peer.finish(), line.close())
    peer.close()
    return costs


def measure() -> dict[str, float]:
    """Give microseconds per operation, by name."""
    gc.disable()
    text = DELTA_600.decode()
    costs = {
        "append_g711": each(lambda: append_message(G711)),
        "append_pcm": each(lambda: append_message(PCM)),
        "delta_600": each(lambda: read_audio_delta(DELTA_600)),
        "delta_9600": each(lambda: read_audio_delta(DELTA_9600), 2000),
        "delta_600_models": each(lambda: parse_server_event(DELTA_600)),
        "delta_600_json": each(lambda: base64.b64decode(json.loads(text)["delta"])),
        "session_delta_600": each(handle(DELTA_600)),
        "session_speech": each(handle(SPEECH), 5000),
        "session_unknown": each(handle(NEWS), 5000),
        **asyncio.run(over_tcp()),
    }
    gc.enable()
    return {name: round(cost, 3) for name, cost in costs.items()}


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    costs = measure()
    if as_json:
        print(json.dumps({"python": platform.python_version(), "us": costs}))
        return
    print(f"Python {platform.python_version()}, microseconds of CPU per operation")
    for name, cost in costs.items():
        print(f"{name:24}{cost:8.3f}")


if __name__ == "__main__":
    main()
