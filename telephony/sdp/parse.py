"""Reads a session description from octets, within limits, and never fails but by its own error.

Source: RFC 8866 sections 5 and 9.
"""

import re
from itertools import pairwise
from typing import Final

from telephony.sdp.description import Line, MediaDescription, SessionDescription
from telephony.sdp.values import SdpSyntaxError, seen

__all__ = ["parse_description"]

MAX_DESCRIPTION_OCTETS: Final = 32 * 1024
"""A browser's description with every candidate is about 10 KiB; a trunk's is under 1."""
MAX_LINES: Final = 2000
MAX_LINE_CHARACTERS: Final = 8192
MAX_MEDIA: Final = 32

SPLIT_LINES: Final = re.compile(r"([^\n]*?)(\r?\n[\r\n]*|\r?\Z)")
"""A line and its ending. Empty lines belong to the ending before them: lax senders add them."""


def parse_description(data: bytes) -> SessionDescription:
    """Read a body of type `application/sdp`.

    Lines are taken in any order after `v=`, with CRLF or LF, and kept as they are, so that
    `to_bytes()` of the result gives `data` again. Unknown lines and attributes are kept, not
    judged (RFC 8866 section 5).

    Raises:
        SdpSyntaxError: The peer's fault: too large, not lines of `type=value`, or a mandatory
            field is missing or malformed.
    """
    if len(data) > MAX_DESCRIPTION_OCTETS:
        raise SdpSyntaxError(f"{len(data)} octets, wanted at most {MAX_DESCRIPTION_OCTETS}")
    lines = _split(data.decode("utf-8", "surrogateescape"))
    bounds = [index for index, line in enumerate(lines) if line.type == "m"]
    if len(bounds) > MAX_MEDIA:
        raise SdpSyntaxError(f"{len(bounds)} m= lines, wanted at most {MAX_MEDIA}")
    bounds.append(len(lines))
    media = tuple(MediaDescription(tuple(lines[start:end])) for start, end in pairwise(bounds))
    return SessionDescription(tuple(lines[: bounds[0]]), media)


def _split(text: str) -> list[Line]:
    """Cut a text into its lines.

    Raises:
        SdpSyntaxError: A line is not `type=value`, too long, holds NUL or CR, or there are too
            many.
    """
    lines: list[Line] = []
    for match in SPLIT_LINES.finditer(text):
        content, ending = match.groups()
        if not content and not ending:
            continue
        if len(lines) == MAX_LINES:
            raise SdpSyntaxError(f"more than {MAX_LINES} lines")
        if content[1:2] != "=" or len(content) > MAX_LINE_CHARACTERS:
            raise SdpSyntaxError(f"line {len(lines) + 1} is {seen(content)}, wanted type=value")
        if "\0" in content or "\r" in content:
            raise SdpSyntaxError(f"line {len(lines) + 1} holds NUL or CR: {seen(content)}")
        lines.append(Line(content[0], content[2:], ending))
    return lines
