"""The demo's files: stereo audio, the timeline as JSON, and the picture."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telephony.app.demo.judge import AgentItem, Evidence
from telephony.app.demo.observed import HeardCall, PcmTrack
from telephony.app.demo.picture import (
    ZOOM_AFTER,
    ZOOM_BEFORE,
    Lane,
    Mark,
    Picture,
    Zoom,
    draw,
)
from telephony.app.demo.report import Files, Step, Truncation
from telephony.app.recording import RATE_HZ, Track, lay, stereo_wav
from telephony.call import DigitPressed, ItemTruncatedAt
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony_codecs import decode_pcmu

__all__ = ["timeline", "write_files"]

Samples = NDArray[np.int16]

GHOST_SAMPLES = 2 * RATE_HZ
"""How much of what was never heard is drawn."""
END_S = 0.4
"""Room after the last sample."""


def write_files(
    evidence: Evidence, steps: Sequence[Step], truncations: Sequence[Truncation], folder: Path
) -> Files:
    """Write all three; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(folder / "audio.wav", folder / "timeline.json", folder / "picture.svg")
    calls = [call for call in evidence.observed.calls if call.who == "caller"]
    said = _mix([call.sent for call in calls], evidence.started)
    heard = [_mix([call.received], evidence.started) for call in calls]
    right = np.zeros(max(map(len, heard), default=0), np.int16)
    for one in heard:
        right[: len(one)] += one
    files.audio.write_bytes(stereo_wav(said, right))
    files.timeline.write_text(json.dumps(timeline(evidence), indent=1) + "\n", encoding="utf-8")
    picture = _picture(evidence, said, heard, steps, truncations)
    files.picture.write_text(draw(picture), encoding="utf-8")
    return files


def timeline(evidence: Evidence) -> list[dict[str, object]]:
    """Merge the product's event log with what the far end observed, on one clock.

    Returns:
        Rows in order of time: `at_ms` since the caller called, `seen_by` (product, caller, operator
        or far_end), `type`, and the rest of the row.
    """
    rows: list[tuple[float, dict[str, object]]] = [
        (row.wall, {"seen_by": "product", **row.payload.model_dump(mode="json")})
        for row in evidence.rows
    ]
    for one in evidence.observed.rows:
        body = one.row.payload.model_dump(mode="json")
        rows.append((one.row.wall, {"seen_by": one.who, "call_id": one.row.call_id, **body}))
    for move in evidence.observed.moves:
        rows.append((move.wall, {"seen_by": "far_end", "type": "move", "move": move.move}))
    for item in evidence.items:
        if item.heard is not None and item.began is not None:
            told: dict[str, object] = {
                "seen_by": "far_end",
                "type": "item.heard",
                "item_id": item.item_id,
                "text": item.text,
                "heard_samples": item.heard.latest,
                "fade_samples": item.heard.fade_samples,
                "gap_samples": item.heard.gap_samples,
                "is_whole": item.heard.is_whole,
            }
            rows.append((item.began, told))
    rows.sort(key=lambda row: row[0])
    return [{"at_ms": round((wall - evidence.started) * 1000, 3), **row} for wall, row in rows]


def _mix(tracks: Sequence[PcmTrack | None], started: float) -> Samples:
    """Lay tracks on the call's clock."""
    return lay(
        [
            Track(_ns(track.started - started), bytearray(track.pcm16))
            for track in tracks
            if track is not None
        ],
        Nanoseconds(0),
    )


def _ns(seconds: float) -> Nanoseconds:
    return Nanoseconds(round(max(0.0, seconds) * NS_PER_SECOND))


def _picture(
    evidence: Evidence,
    said: Samples,
    heard: Sequence[Samples],
    steps: Sequence[Step],
    truncations: Sequence[Truncation],
) -> Picture:
    lanes = [Lane(0, "caller", said)]
    lanes += [Lane(1, who, audio) for who, audio in zip(("agent", "operator"), heard, strict=False)]
    cut_ids = {one.item_id for one in truncations}
    cut_items = [item for item in evidence.items if item.item_id in cut_ids and item.heard]
    lanes[1:1] = [ghost for item in cut_items if (ghost := _ghost(evidence, item)) is not None]
    longest = max((len(lane.audio) for lane in lanes), default=0)
    errors = [
        abs(one.far_end_samples - one.sent_samples)
        for one in truncations
        if one.far_end_samples is not None
    ]
    call = evidence.observed.calls[0] if evidence.observed.calls else None
    return Picture(
        title="One call to the agent: an interruption, two keys, a transfer",
        subtitle=f"Both voices as the caller's telephone sent and received them;"
        f" what was cut off stays pale. Truncation error: {max(errors, default=0)} samples.",
        lanes=tuple(lanes),
        marks=tuple(_marks(evidence, truncations)),
        steps=tuple(
            (step.name, step.ok, "" if step.at_ms is None else f"{step.at_ms / 1000:6.2f} s")
            for step in steps
        ),
        zoom=_zoom(call, cut_items[0], truncations[0]) if call and cut_items else None,
        seconds=longest / RATE_HZ + END_S,
    )


def _ghost(evidence: Evidence, item: AgentItem) -> Lane | None:
    """Give what the agent would have gone on to say, had it not been cut."""
    if item.heard is None or item.began is None:
        return None
    rest = item.audio[item.heard.latest : item.heard.latest + GHOST_SAMPLES]
    start = round((item.began - evidence.started) * RATE_HZ) + item.heard.latest
    audio = np.zeros(start + len(rest), np.int16)
    audio[start:] = np.frombuffer(decode_pcmu(rest), "<i2")
    return Lane(1, "agent", audio, is_ghost=True)


def _marks(evidence: Evidence, truncations: Sequence[Truncation]) -> list[Mark]:
    marks: list[Mark] = []
    moves = (
        ("talks over the agent", 0, "talks over the agent", "caller"),
        ("is asked to call the operator", 0, "transferred", "caller"),
        ("asks the operator", 0, "asks the operator", "caller"),
        ("hangs up", 0, "hangs up", "caller"),
        ("hears the greeting", 1, "greeting", "agent"),
        ("operator answers", 1, "operator answers", "operator"),
    )
    for move, row, text, style in moves:
        at_ms = evidence.ms(evidence.move(move))
        if at_ms is not None:
            marks.append(Mark(at_ms, row, text, style))
    by_id = {one.item_id: one for one in truncations}
    for event in evidence.rows:
        when_ms = (event.wall - evidence.started) * 1000
        match event.payload:
            case DigitPressed(digit=digit):
                marks.append(Mark(when_ms, 0, digit, "key"))
            case ItemTruncatedAt(item_id=item_id, audio_end_ms=end_ms) if item_id in by_id:
                marks.append(Mark(when_ms, 1, f"cut after {end_ms} ms", "cut"))
            case _:
                pass
    return marks


def _zoom(call: HeardCall, item: AgentItem, truncation: Truncation) -> Zoom | None:
    if item.heard is None:
        return None
    at, sent = item.heard.end, item.heard.latest
    heard = call.heard[max(0, at - ZOOM_BEFORE) : at + ZOOM_AFTER]
    held = item.audio[max(0, sent - ZOOM_BEFORE) : sent + ZOOM_AFTER]
    text = (
        f"Heard {sent} samples of the item = {sent / 8:.1f} ms, the last"
        f" {item.heard.fade_samples / 8:g} ms ramped to zero."
        f" The model remembers {truncation.truncated_ms} ms."
    )
    return Zoom(
        np.frombuffer(decode_pcmu(heard), "<i2"),
        np.frombuffer(decode_pcmu(held), "<i2"),
        item.heard.fade_samples,
        text,
    )
