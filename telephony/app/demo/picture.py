"""The picture of a call: both voices over time, what interrupted whom, and the cut by samples.

Plain SVG that follows the reader's light or dark scheme; no script, no font, nothing fetched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lane", "Mark", "Picture", "Zoom", "draw"]

Samples = NDArray[np.int16]

RATE_HZ = 8_000
WIDTH, HEIGHT = 1200, 520
LEFT, RIGHT = 104, 24
LANE_TOPS = (112, 238)
LANE_HEIGHT = 92
AXIS_Y = 348
ZOOM_TOP, ZOOM_HEIGHT = 382, 96
BAR_STEP = 3
"""Pixels from one bar of a waveform to the next."""
CHARACTER_WIDTH = 6.6
"""Of a label, for keeping labels apart."""
MS_PER_SECOND = 1000
ZOOM_WIDTH = 640.0
STEPS_X = 800
ZOOM_BEFORE, ZOOM_AFTER = 320, 200
"""Samples around the cut: 40 ms and 25 ms."""

STYLE = """
svg{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.page{fill:#fff}.panel{fill:#f5f6f8}.ink{fill:#1b1f24}.muted{fill:#5f6875}
.grid{stroke:#dfe3e8}.axis{stroke:#aab2bd}
.caller{stroke:#2563c9}.agent{stroke:#0f8a5f}.operator{stroke:#8046c2}
.tcaller{fill:#2563c9}.tagent{fill:#0f8a5f}.toperator{fill:#8046c2}
.cut{stroke:#d12f2f}.tcut{fill:#c22525}.fade{fill:#d12f2f;opacity:.13}
.ghost{opacity:.28}.good{fill:#0f8a5f}.bad{fill:#c22525}
.title{font-size:17px;font-weight:600}.who{font-size:13px;font-weight:600}.small{font-size:11px}
.key{fill:#2563c9}.keytext{fill:#fff;font-weight:600}
@media(prefers-color-scheme:dark){
.page{fill:#0e1116}.panel{fill:#171b22}.ink{fill:#e8ebef}.muted{fill:#98a2b0}
.grid{stroke:#262c35}.axis{stroke:#4a5463}
.caller{stroke:#6ea8ff}.agent{stroke:#43c795}.operator{stroke:#bb8cf0}
.tcaller{fill:#6ea8ff}.tagent{fill:#43c795}.toperator{fill:#bb8cf0}
.cut{stroke:#ff6b6b}.tcut{fill:#ff7b7b}.fade{fill:#ff6b6b;opacity:.2}
.good{fill:#43c795}.bad{fill:#ff7b7b}.key{fill:#6ea8ff}.keytext{fill:#0e1116}
}
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """Audio in one of the two lanes.

    Attributes:
        row: 0 for the caller, 1 for those the caller hears.
        who: Its style: caller, agent or operator.
        audio: PCM16, 8,000 Hz, from the beginning of the picture on.
        is_ghost: Whether it was never heard.
    """

    row: int
    who: str
    audio: Samples
    is_ghost: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened.

    Attributes:
        at_ms: When.
        row: The lane it belongs to.
        text: What is written there.
        style: "caller", "agent", "operator", "cut", or "key" for a circle with one character.
    """

    at_ms: float
    row: int
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Zoom:
    """The cut, sample by sample.

    Attributes:
        heard: What arrived around it, PCM16; the cut is at `ZOOM_BEFORE`.
        item: What the item holds there.
        fade_samples: How many samples before the cut were ramped.
        text: What it shows.
    """

    heard: Samples
    item: Samples
    fade_samples: int
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn."""

    title: str
    subtitle: str
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    steps: tuple[tuple[str, bool, str], ...]
    """Name, whether it holds, and when."""
    zoom: Zoom | None
    seconds: float


def draw(picture: Picture) -> str:
    """Give the SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(picture.title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="10"/>',
        _text(24, 34, picture.title, "ink title"),
        _text(24, 54, picture.subtitle, "muted"),
    ]
    parts += _frame(picture.seconds)
    scale = [_loudness(picture.lanes, row) for row in range(len(LANE_TOPS))]
    parts += [_bars(lane, scale[lane.row], picture.seconds) for lane in picture.lanes]
    parts += _marks(picture.marks, picture.seconds)
    if picture.zoom is not None:
        parts += _zoom(picture.zoom)
    parts += _steps(picture.steps)
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"


def _x(ms: float, seconds: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * ms / (seconds * MS_PER_SECOND)


def _frame(seconds: float) -> list[str]:
    """Draw the lanes, the ticks and the names."""
    parts = [
        f'<rect class="panel" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}"'
        f' height="{LANE_HEIGHT}" rx="6"/>'
        for top in LANE_TOPS
    ]
    for second in range(0, int(seconds) + 1, 2):
        x = _x(second * MS_PER_SECOND, seconds)
        bottom = LANE_TOPS[-1] + LANE_HEIGHT
        parts.append(f'<path class="grid" d="M{x:.1f} {LANE_TOPS[0]}V{bottom}"/>')
        parts.append(_text(x, AXIS_Y, f"{second} s", "muted small", "middle"))
    for top, (who, what) in zip(LANE_TOPS, (("caller", "Caller"), ("agent", "Agent")), strict=True):
        parts.append(_text(24, top + LANE_HEIGHT / 2 + 4, what, f"t{who} who"))
    return parts


def _levels(audio: Samples, seconds: float) -> list[tuple[float, float]]:
    """Give (x, peak) of each bar that is not silent."""
    span = seconds * RATE_HZ * BAR_STEP / (WIDTH - LEFT - RIGHT)
    edges = np.arange(0, len(audio), span)
    levels: list[tuple[float, float]] = []
    for edge in edges:
        peak = _peak(audio[int(edge) : int(edge + span)])
        if peak > 0:
            levels.append((_x(edge / RATE_HZ * MS_PER_SECOND, seconds), peak))
    return levels


def _loudness(lanes: Iterable[Lane], row: int) -> float:
    """Give the peak that fills a lane."""
    return max([*(_peak(lane.audio) for lane in lanes if lane.row == row), 1.0])


def _bars(lane: Lane, loudest: float, seconds: float) -> str:
    middle = LANE_TOPS[lane.row] + LANE_HEIGHT / 2
    path = "".join(
        f"M{x:.1f} {middle - tall:.1f}V{middle + tall:.1f}"
        for x, peak in _levels(lane.audio, seconds)
        for tall in [max(0.6, peak / loudest * (LANE_HEIGHT / 2 - 6))]
    )
    style = f"{lane.who} ghost" if lane.is_ghost else lane.who
    return f'<path class="{style}" fill="none" stroke-width="2" stroke-linecap="round" d="{path}"/>'


def _marks(marks: Sequence[Mark], seconds: float) -> list[str]:
    """Draw what happened, each above its lane; a label that has no room goes one line up."""
    parts: list[str] = []
    taken: dict[tuple[int, int], float] = {}
    for mark in sorted(marks, key=lambda one: one.at_ms):
        x = _x(mark.at_ms, seconds)
        top = LANE_TOPS[mark.row]
        if mark.style == "key":
            y = top + LANE_HEIGHT / 2
            parts.append(f'<circle class="key" cx="{x:.1f}" cy="{y}" r="11"/>')
            parts.append(_text(x, y + 4.5, mark.text, "keytext", "middle"))
            continue
        width = len(mark.text) * CHARACTER_WIDTH
        is_at_edge = x + 5 + width > WIDTH - RIGHT
        start = x - 5 - width if is_at_edge else x + 5
        level = 0 if taken.get((mark.row, 0), 0.0) < start else 1
        taken[mark.row, level] = start + width + 8
        y = top - 8 - 16 * level
        parts.append(
            f'<path class="{mark.style}" stroke-width="1.5" stroke-dasharray="3 3"'
            f' d="M{x:.1f} {y - 10}V{top + LANE_HEIGHT}"/>'
        )
        at, anchor = (x - 5, "end") if is_at_edge else (x + 5, "start")
        parts.append(_text(at, y, mark.text, f"t{mark.style}", anchor))
    return parts


def _zoom(zoom: Zoom) -> list[str]:
    """Draw the samples around the cut: what was heard, and how the item would have gone on."""
    middle = ZOOM_TOP + ZOOM_HEIGHT / 2
    loudest = max(_peak(zoom.heard), _peak(zoom.item), 1.0)
    step = ZOOM_WIDTH / (ZOOM_BEFORE + ZOOM_AFTER)
    scale = (ZOOM_HEIGHT / 2 - 6) / loudest

    def line(audio: Samples, style: str) -> str:
        points = " ".join(
            f"{LEFT + step * at:.1f},{middle - float(value) * scale:.1f}"
            for at, value in enumerate(audio)
        )
        return f'<polyline class="{style}" fill="none" stroke-width="1.6" points="{points}"/>'

    cut = LEFT + step * ZOOM_BEFORE
    faded = step * zoom.fade_samples
    bottom = ZOOM_TOP + ZOOM_HEIGHT
    return [
        _text(24, middle - 4, "The cut", "tcut who"),
        _text(24, middle + 13, f"{(ZOOM_BEFORE + ZOOM_AFTER) / 8:g} ms", "muted"),
        _box(LEFT, ZOOM_WIDTH, "panel"),
        _box(cut - faded, faded, "fade"),
        line(zoom.item, "agent ghost"),
        line(zoom.heard, "agent"),
        f'<path class="cut" stroke-width="1.5" d="M{cut:.1f} {ZOOM_TOP}V{bottom}"/>',
        _text(LEFT, bottom + 22, zoom.text, "ink"),
    ]


def _peak(audio: Samples) -> float:
    return float(np.abs(audio.astype(np.int32)).max(initial=0))


def _box(x: float, width: float, style: str) -> str:
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{ZOOM_TOP}" width="{width:.1f}"'
        f' height="{ZOOM_HEIGHT}"/>'
    )


def _steps(steps: Sequence[tuple[str, bool, str]]) -> list[str]:
    """List the steps with their times."""
    parts: list[str] = []
    for number, (name, is_good, text) in enumerate(steps):
        y = ZOOM_TOP + 12 + 20 * number
        parts.append(
            _text(STEPS_X, y, "✓" if is_good else "✗", "good who" if is_good else "bad who")
        )
        parts.append(_text(STEPS_X + 20, y, name, "ink"))
        parts.append(_text(STEPS_X + 160, y, text, "muted", "end"))
    return parts
