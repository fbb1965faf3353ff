"""Prints a table of proof: `python -m tests.tables NAME [--json]`; exit 1 when a row falls short.

A table is a module of this folder with `run() -> list[Row]`. Parameters of `run` that have a
default, a number or a text, are options of the command line: `moments: int = 200` is `--moments N`.
"""

import argparse
import ast
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.tables.row import Row

FOLDER = Path(__file__).parent
NOT_TABLES = frozenset({"__main__", "row"})
WIDE = 160
"""Columns where the output is no terminal."""


def table_names() -> list[str]:
    """Name every table, as the command line spells it; none is imported for it."""
    modules = sorted(path.stem for path in FOLDER.glob("*.py"))
    return [name.replace("_", "-") for name in modules if name not in NOT_TABLES]


def summary_of(name: str) -> str:
    """Say in a line what a table shows."""
    source = (FOLDER / f"{name.replace('-', '_')}.py").read_text()
    told = ast.get_docstring(ast.parse(source)) or ""
    return told.partition("\n")[0].partition(": ")[2]


def print_rows(name: str, rows: Sequence[Row], console: Console) -> None:
    """Print a table for people: a column for each figure that any row has."""
    figures = list(dict.fromkeys(figure for row in rows for figure in row.figures))
    table = Table(title=name)
    table.add_column("row")
    table.add_column("")
    for figure in figures:
        table.add_column(figure.replace("_", " "))
    for row in rows:
        cells = (escape(str(row.figures.get(figure, ""))) for figure in figures)
        table.add_row(escape(row.name), _verdict(row), *cells, style=None if row.ok else "bold")
    console.print(table)
    differing = [row for row in rows if row.differs]
    for row in differing:
        console.print(f"{row.name} differs on purpose: {row.differs}", markup=False)
    short = sum(not row.ok for row in rows)
    differ = f", {len(differing)} different on purpose" if differing else ""
    console.print(f"{name}: {len(rows)} rows, {short} short{differ}")


def _verdict(row: Row) -> str:
    if not row.ok:
        return "[red]SHORT[/]"
    return "[yellow]differs[/]" if row.differs else "[green]ok[/]"


def as_json(name: str, rows: Sequence[Row]) -> str:
    """Give a table for programs."""
    return json.dumps({"table": name, "ok": all_hold(rows), "rows": [asdict(row) for row in rows]})


def all_hold(rows: Sequence[Row]) -> bool:
    """Tell whether a table holds: it has rows, and each does."""
    return bool(rows) and all(row.ok for row in rows)


def main(arguments: Sequence[str]) -> int:
    """Print a table; gives the exit status."""
    parser = argparse.ArgumentParser(prog="tests.tables", description=__doc__)
    parser.add_argument("name", nargs="?", help="the table")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--list", action="store_true", help="name every table")
    options, rest = parser.parse_known_args(arguments)
    names = table_names()
    if options.list:
        for name in names:
            print(f"{name:12} {summary_of(name)}")
        return 0
    if options.name not in names:
        wrong = f"no table {options.name!r}" if options.name else "name a table"
        parser.error(f"{wrong}; there are: {', '.join(names)}")
    run: Callable[..., list[Row]] = _module(options.name.replace("-", "_")).run
    rows = run(**_options_of(run, f"tests.tables {options.name}", rest))
    if options.json:
        print(as_json(options.name, rows))
    else:
        width = None if sys.stdout.isatty() else WIDE
        print_rows(options.name, rows, Console(width=width))
    return 0 if all_hold(rows) else 1


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tests.tables.{name}")


def _options_of(run: Callable[..., list[Row]], program: str, rest: list[str]) -> dict[str, object]:
    """Read the options that a table's `run` names as parameters."""
    parser = argparse.ArgumentParser(prog=program)
    for parameter in inspect.signature(run).parameters.values():
        default: object = parameter.default
        flag = f"--{parameter.name.replace('_', '-')}"
        kind = int if isinstance(default, int) else str
        parser.add_argument(flag, type=kind, default=default, help="default %(default)s")
    return vars(parser.parse_args(rest))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
