"""What happened in a played call, as a timeline: a view of its event log, and a judge of its audio.

Times count from the arrival of the caller's first RTP packet. Where the caller spoke is told in ms
of the caller's own RTP timeline, whose first sample is at 0. Items have no names here, only their
order: ids differ from run to run.
"""

import itertools
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from telephony.call import (
    CallEnded,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallEvent,
    CallEventBody,
    DigitPressed,
    ItemDeletedFromMemory,
    ItemTruncatedAt,
    KeysCollected,
    SpeechTranscribed,
)
from telephony_codecs import AudioFormat, decode, encode

__all__ = ["COUNTED", "Moment", "counters_of", "differences", "moments_of", "unlike_what_was_sent"]

Moment = dict[str, Any]
"""One entry of a timeline: `at_ms`, `event`, and what belongs to that event."""

COUNTED = (
    "rtp_received",
    "rtp_refused",
    "rtp_lost",
    "rtp_late",
    "rtp_duplicate",
    "uplink_span",
    "uplink_inserted",
    "uplink_dropped",
    "uplink_concealed",
    "uplink_appended",
)
RAMP_SAMPLES = 40
"""5 ms: what a flush lets go out of an item, ramped to zero."""
QUIET_SAMPLES = 160
"""Silence that must follow a ramp: nothing else of the item left."""

POSITION = "rtp_ms"
TIMES = {"at_ms": 1.0, "audio_end_ms": 1.0, "sent_samples": 1 / 8}
"""What depends on when things happened, and how many ms a unit of it is."""


def moments_of(
    rows: Iterable[tuple[int, CallEvent]], origin_ns: int, uplink_begins_ms: int
) -> list[Moment]:
    """Give the timeline of a call.

    Args:
        rows: Its event log, each row with its time.
        origin_ns: When the caller's first RTP packet arrived, on the same clock.
        uplink_begins_ms: Where on the caller's RTP timeline the appended audio begins.
    """
    numbers: dict[str, int] = {}
    moments: list[Moment] = []
    for time_ns, row in rows:
        if isinstance(row.payload, SpeechTranscribed) and row.payload.role == "agent":
            numbers.setdefault(row.payload.item_id, len(numbers))
        moment = _moment(row.payload, numbers, uplink_begins_ms)
        if moment is not None:
            moments.append({"at_ms": round((time_ns - origin_ns) / 1e6, 3)} | moment)
    return moments


def _moment(body: CallEventBody, numbers: dict[str, int], uplink_begins_ms: int) -> Moment | None:
    match body:
        case CallerSpeechStarted(audio_start_ms=offset_ms):
            return {"event": "speech started", "rtp_ms": uplink_begins_ms + offset_ms}
        case CallerSpeechStopped(audio_end_ms=offset_ms):
            return {"event": "speech stopped", "rtp_ms": uplink_begins_ms + offset_ms}
        case DigitPressed(digit=digit, method=method):
            return {"event": "digit", "digit": digit, "method": method}
        case KeysCollected(keys=keys):
            return {"event": "keys", "keys": keys}
        case ItemTruncatedAt(sent_samples=sent, audio_end_ms=end_ms):
            number = numbers.setdefault(body.item_id, len(numbers))
            return {"event": "cut", "item": number, "sent_samples": sent, "audio_end_ms": end_ms}
        case ItemDeletedFromMemory(item_id=item_id):
            number = numbers.setdefault(item_id, len(numbers))
            return {"event": "cut", "item": number, "sent_samples": 0, "audio_end_ms": 0}
        case _:
            return None


def counters_of(rows: Sequence[tuple[int, CallEvent]]) -> dict[str, int]:
    """Give the counters that an expectation names, as the end of the call tells them."""
    ended = rows[-1][1].payload
    assert isinstance(ended, CallEnded)
    return {name: ended.counters[name] for name in COUNTED}


def unlike_what_was_sent(
    moments: Iterable[Moment],
    items: Sequence[bytes],
    stream: bytes,
    audio_format: AudioFormat,
) -> list[str]:
    """Hold each truncation against the audio that left: list those that do not tell the truth.

    Of an item that is cut the stream must hold, in one piece, as many samples as the log says: the
    last 5 ms ramped to zero, all before them untouched, silence behind.

    Args:
        moments: The timeline.
        items: The audio of each item as the model sent it; a beginning that was sent is enough.
        stream: The payloads of the packets that left, in their order.
        audio_format: What both hold, one octet a sample.
    """
    faults: list[str] = []
    begin = 0
    for cut in (moment for moment in moments if moment["event"] == "cut"):
        sent: int = cut["sent_samples"]
        number: int = cut["item"]
        if number >= len(items):
            faults.append(f"{cut}: there are {len(items)} items only")
            continue
        item = items[number]
        if cut["audio_end_ms"] != sent * 1000 // audio_format.rate_hz:
            faults.append(f"{cut}: {sent} samples are not its milliseconds, floored")
        if not sent:
            continue
        intact = sent - RAMP_SAMPLES
        at = stream.find(item[:intact], begin)
        if intact <= 0 or at < 0:
            faults.append(f"{cut}: its first {intact} samples did not leave in one piece")
            continue
        begin = at + sent
        if stream[at + intact : begin] != _ramped(item[intact:sent], audio_format):
            faults.append(f"{cut}: no ramp over the 5 ms before it")
        if stream[begin : begin + QUIET_SAMPLES].strip(audio_format.silence(1)):
            faults.append(f"{cut}: no silence behind it")
    return faults


def _ramped(whole: bytes, audio_format: AudioFormat) -> bytes:
    """Give audio as a flush lets it out: straight down, the last sample at zero."""
    samples = array("h", decode(whole, audio_format))
    for index, sample in enumerate(samples):
        samples[index] = sample * (RAMP_SAMPLES - 1 - index) // RAMP_SAMPLES
    return encode(samples.tobytes(), audio_format)


def differences(
    found: Sequence[Moment], expected: Sequence[Moment], *, position_ms: float, time_ms: float
) -> list[str]:
    """Hold a timeline of a run in real time against the expected one; list what is too far off.

    Args:
        found: Must tell the same as `expected`, in the same order.
        expected: The timeline on the virtual clock.
        position_ms: How far off the caller's speech may be, on the caller's RTP timeline.
        time_ms: How far off anything may be that depends on when it happened.
    """
    faults: list[str] = []
    for have, want in itertools.zip_longest(found, expected):
        if have is None or want is None or _what(have) != _what(want):
            return [*faults, f"saw {have}, wanted {want}"]
        if abs(have.get(POSITION, 0) - want.get(POSITION, 0)) > position_ms:
            faults.append(f"{have}: elsewhere in the caller's audio than {want}")
        if any(
            abs(have[name] - want[name]) * TIMES[name] > time_ms for name in TIMES.keys() & have
        ):
            faults.append(f"{have}: more than {time_ms:.1f} ms off {want}")
    return faults


def _what(moment: Moment) -> Moment:
    """Give what of a moment may not differ."""
    return {name: value for name, value in moment.items() if name not in (POSITION, *TIMES)}
