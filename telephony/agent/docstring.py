"""Takes a tool's docstring apart: what the tool is for, and what each argument means.

Two forms are read. In the short one, `name: text` follows the description after two spaces or on a
line of its own. In the other, a Google style `Args:` section lists them; other sections are for
people and left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Final

__all__ = ["Docstring", "read_docstring"]

SECTION: Final = re.compile(
    r"(args|arguments|parameters|returns?|raises|yields?|examples?|notes?|todo):\s*", re.IGNORECASE
)
ARGUMENT_SECTIONS: Final = frozenset({"args", "arguments", "parameters"})
ENTRY: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """What a docstring says.

    Attributes:
        description: The text before arguments and sections, on one line.
        arguments: Name to text, in the order written.
    """

    description: str
    arguments: dict[str, str]


def read_docstring(text: str, names: Sequence[str]) -> Docstring:
    """Take a docstring apart.

    Args:
        text: The docstring as Python keeps it, or "".
        names: The function's parameters; the short form is read for these only.
    """
    body, section = _split_sections(cleandoc(text).splitlines())
    description, *found = _split_short_form("\n".join(body), names)
    pairs = zip(found[::2], found[1::2], strict=True)
    arguments = {name: _one_line(value) for name, value in pairs}
    return Docstring(_one_line(description), arguments | _read_entries(section))


def _split_sections(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the lines before the first section, and those inside the argument section."""
    body: list[str] = []
    entries: list[str] = []
    current = body
    for line in lines:
        heading = SECTION.fullmatch(line)
        if heading is not None:
            current = entries if heading[1].lower() in ARGUMENT_SECTIONS else []
        else:
            current.append(line)
    return body, entries


def _split_short_form(text: str, names: Sequence[str]) -> list[str]:
    """Give the description, then name and text by turns."""
    if not names:
        return [text]
    alternatives = "|".join(map(re.escape, names))
    return re.split(rf"(?:\A|\n\s*| {{2,}})({alternatives}):\s+", text)


def _read_entries(lines: Sequence[str]) -> dict[str, str]:
    """Read the entries of an argument section; deeper lines continue the entry above."""
    entries: dict[str, str] = {}
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    name = ""
    for line in lines:
        entry = ENTRY.fullmatch(line[margin:])
        if entry is not None:
            name = entry[1]
            entries[name] = entry[2].strip()
        elif name:
            entries[name] = _one_line(f"{entries[name]} {line}")
    return entries


def _one_line(text: str) -> str:
    """Join lines, with single blanks."""
    return " ".join(text.split())
