"""What the Realtime hot path costs, as a share of what the libraries take for the same octets.

Both are measured in one process, in turns, by processor time: a busy machine slows both.
"""

import base64
import json
import time
from collections.abc import Callable

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from telephony.engine.websocket_frames import FrameReader
from telephony.engine.websocket_text import TextFrames
from telephony.realtime import append_message, read_audio_delta

ROUNDS, OPERATIONS = 25, 100
BURST = 20
AUDIO = bytes(range(160))
DELTA = json.dumps(
    {
        "type": "response.output_audio.delta",
        "event_id": "event_1",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": base64.b64encode(AUDIO * 4).decode(),
    }
).encode()
LIMIT = 1 << 20


def client() -> ClientProtocol:
    """The protocol of a connection that stands."""
    return ClientProtocol(parse_uri("ws://h"), state=State.OPEN, max_size=LIMIT)


def share(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Give what ours takes over what theirs takes, the best of the rounds of each."""
    best: dict[Callable[[], object], int] = {ours: 1 << 62, theirs: 1 << 62}
    for _ in range(ROUNDS):
        for operation in best:
            started_ns = time.process_time_ns()
            for _ in range(OPERATIONS):
                operation()
            best[operation] = min(best[operation], time.process_time_ns() - started_ns)
    return best[ours] / best[theirs]


def test_a_delta_is_read_in_two_thirds_of_what_the_standard_library_takes() -> None:
    def standard() -> None:
        base64.b64decode(json.loads(DELTA)["delta"], validate=True)

    assert read_audio_delta(DELTA) is not None
    assert share(lambda: read_audio_delta(DELTA), standard) < 2 / 3


def test_frames_of_deltas_are_read_in_half_of_what_websockets_takes() -> None:
    burst = Frame(Opcode.TEXT, DELTA).serialize(mask=False) * BURST
    protocol = client()
    reader = FrameReader(client(), LIMIT)

    def websockets() -> list[bytes]:
        protocol.receive_data(burst)
        return [bytes(e.data) for e in protocol.events_received() if isinstance(e, Frame)]

    assert reader.read(burst) == websockets() == [DELTA] * BURST
    assert share(lambda: reader.read(burst), websockets) < 1 / 2


def test_an_append_is_made_in_half_of_what_the_libraries_take() -> None:
    protocol, frame = client(), TextFrames().frame

    def libraries() -> bytes:
        audio = base64.b64encode(AUDIO).decode()
        protocol.send_text(
            json.dumps({"type": "input_audio_buffer.append", "audio": audio}).encode()
        )
        return b"".join(protocol.data_to_send())

    assert len(frame(append_message(AUDIO))) < len(libraries())
    assert share(lambda: frame(append_message(AUDIO)), libraries) < 1 / 2
