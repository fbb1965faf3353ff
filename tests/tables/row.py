"""A row of a table: one thing that was tried, whether it holds, and the figures behind that."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        name: What was tried.
        ok: Whether it holds.
        figures: What was measured, by name; each becomes a column.
        differs: Why it is not what is wanted, on purpose; "" where it is what is wanted, or short.
    """

    name: str
    ok: bool
    figures: dict[str, object] = field(default_factory=dict[str, object])
    differs: str = ""
