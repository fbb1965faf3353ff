"""Holds the product's import statements against the table of who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

OPEN_TO_ALL = frozenset({"errors", "units"})
CORE = frozenset(
    {"telephony_codecs", "rtp", "sdp", "sip", "voice", "realtime", "agent", "media", "call"}
)
MAY_IMPORT: dict[str, frozenset[str]] = {
    "telephony_codecs": frozenset(),
    "errors": frozenset(),
    "units": frozenset(),
    "config": frozenset(),
    "sdp": frozenset(),
    "voice": frozenset(),
    "rtp": frozenset({"telephony_codecs"}),
    "sip": frozenset({"sdp"}),
    "realtime": frozenset({"voice"}),
    "agent": frozenset({"voice"}),
    "media": frozenset({"rtp", "voice", "telephony_codecs"}),
    "call": frozenset({"media", "sip", "sdp", "agent", "voice"}),
    "local": frozenset({"realtime", "telephony_codecs"}),
    "telephony": frozenset({"agent", "app"}),
    "engine": CORE | {"config", "local"},
    "app": CORE | {"config", "local", "engine"},
    "cli": CORE | {"config", "local", "engine", "app"},
    "__main__": frozenset({"cli"}),
}
"""Package -> packages it may import; `errors` and `units` are open to all of `telephony`."""


def unit_of(path: Path, root: Path) -> str:
    """Name the row of the table a source file belongs to."""
    parts = path.relative_to(root).with_suffix("").parts
    if parts[0] == "codecs":
        return parts[1]
    if parts[1:] == ("__init__",):
        return "telephony"
    return parts[1]


def imported_units(tree: ast.Module, path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, row of the table) for each import of ours in one module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(root).parts[: -node.level]
                base = ".".join([*package, base]).strip(".")
            if base == "telephony":
                names = [f"telephony.{alias.name}" for alias in node.names]
            else:
                names = [base]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == "telephony_codecs":
                yield node.lineno, first
            elif first == "telephony":
                yield node.lineno, rest.partition(".")[0] or "telephony"


def violations(root: Path) -> list[str]:
    """List every import under `root` that the table forbids, as "file:line: unit imports other"."""
    found: list[str] = []
    sources = sorted((root / "telephony").rglob("*.py"))
    sources += sorted((root / "codecs" / "telephony_codecs").rglob("*.py"))
    for path in sources:
        unit = unit_of(path, root)
        allowed = MAY_IMPORT.get(unit)
        relative = path.relative_to(root)
        if allowed is None:
            found.append(f"{relative}:1: {unit} has no row in the table")
            continue
        open_to_it = frozenset[str]() if unit == "telephony_codecs" else OPEN_TO_ALL
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, other in imported_units(tree, path, root):
            if other != unit and other not in allowed | open_to_it:
                found.append(f"{relative}:{line}: {unit} imports {other}")
    return found
