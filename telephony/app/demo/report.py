"""What `telephony demo` reports: the steps, the truncations, the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["STEPS", "DemoReport", "Files", "Step", "Truncation", "not_played"]

STEPS = ("greeting", "interruption", "digit", "transfer", "hangup")
"""In the order of the call."""

MAX_PACKETS_AFTER = 1
"""With item audio after the flush: the one that holds the fade."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the demo shows.

    Attributes:
        name: greeting, interruption, digit, transfer or hangup.
        ok: Whether the evidence is there.
        at_ms: When, since the caller called; None where it never happened.
        evidence: What was seen, or what is missing, in words.
    """

    name: str
    ok: bool
    at_ms: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Truncation:
    """What the model was told of an interrupted item, against what the far end received.

    Attributes:
        case: What interrupted it: "speech" or "key".
        item_id: The item.
        truncated_ms: What the model was told.
        sent_samples: What left the socket, by the product's ledger.
        far_end_samples: What the far end counted; None where it found nothing of the item.
        samples_after: Samples of the item that arrived after the flush.
        packets_after: Packets that held them.
    """

    case: str
    item_id: str
    truncated_ms: int
    sent_samples: int
    far_end_samples: int | None
    samples_after: int
    packets_after: int

    @property
    def error_ms(self) -> float | None:
        """What the model was told less what was heard; from -1 (flooring, exclusive) to 0 is right.

        None where nothing was found of the item.
        """
        if self.far_end_samples is None:
            return None
        return self.truncated_ms - self.far_end_samples / 8

    @property
    def ok(self) -> bool:
        """Whether it holds the bar: 0 samples and 1 ms of flooring, one packet after the flush."""
        error = self.error_ms
        return (
            error is not None
            and -1 < error <= 0
            and self.far_end_samples == self.sent_samples
            and self.packets_after <= MAX_PACKETS_AFTER
        )

    def as_json(self) -> dict[str, object]:
        """Give it as `--json` prints it."""
        heard = self.far_end_samples
        return {
            "case": self.case,
            "item_id": self.item_id,
            "truncated_ms": self.truncated_ms,
            "sent_ms": self.sent_samples / 8,
            "far_end_ms": None if heard is None else heard / 8,
            "error_ms": self.error_ms,
            "audio_after_ms": self.samples_after / 8,
        }


@dataclass(frozen=True, slots=True)
class Files:
    """Where the outputs are."""

    audio: Path
    timeline: Path
    picture: Path


@dataclass(frozen=True, slots=True)
class DemoReport:
    """All of it.

    Attributes:
        steps: In the order of the call.
        truncations: In the order of the call.
        files: Where the outputs are.
        failure: What the script waited for in vain; None where it was played to its end.
    """

    steps: tuple[Step, ...]
    truncations: tuple[Truncation, ...]
    files: Files
    failure: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every step and every truncation holds."""
        return (
            self.failure is None
            and all(step.ok for step in self.steps)
            and bool(self.truncations)
            and all(one.ok for one in self.truncations)
        )

    @property
    def error(self) -> str | None:
        """What went wrong first: the step, and why; None where all of it holds."""
        step = next((one for one in self.steps if not one.ok), None)
        if step is not None:
            return f"{step.name}: {self.failure or step.evidence}"
        if self.ok:
            return None
        case = next((one.case for one in self.truncations if not one.ok), None)
        return self.failure or f"truncation: {f'wrong, by {case}' if case else 'there was none'}"

    def as_json(self) -> dict[str, object]:
        """Give it as `--json` prints it."""
        return {
            "ok": self.ok,
            "error": self.error,
            "steps": [{"name": one.name, "ok": one.ok, "at_ms": one.at_ms} for one in self.steps],
            "truncations": [one.as_json() for one in self.truncations],
            "files": {
                "audio": str(self.files.audio),
                "timeline": str(self.files.timeline),
                "picture": str(self.files.picture),
            },
        }


def not_played(
    error: str,
    steps: Sequence[str] = STEPS,
    files: Sequence[str] = ("audio", "timeline", "picture"),
) -> dict[str, object]:
    """Give what `--json` prints where no call came about.

    Args:
        error: Why.
        steps: Names of those that there would have been.
        files: The same of the files.
    """
    return {
        "ok": False,
        "error": f"start: {error}",
        "steps": [{"name": name, "ok": False, "at_ms": None} for name in steps],
        "truncations": [],
        "files": dict.fromkeys(files),
    }
