"""Where the SIP messages of the shared corpus lie, and whether they are there."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus"

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="no ../shared/corpus beside this checkout"
)


def rfc4475_message(name: str) -> bytes:
    """Give one message of RFC 4475; baddn lacks its blank line in the RFC's own archive."""
    data = (CORPUS / "rfc4475" / f"{name}.dat").read_bytes()
    return data + b"\r\n" if name == "baddn" else data


def rfc4475_expected() -> list[tuple[str, str, str]]:
    """Give (message, parser verdict, answer) of each message as EXPECTED.tsv states them."""
    text = (CORPUS / "rfc4475" / "EXPECTED.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return [(name, verdict, answer) for name, verdict, answer, _ in rows]


def captured_messages() -> list[Path]:
    """Give the messages that were cut from public captures."""
    return sorted((CORPUS / "sip").glob("*.sip"))


def all_messages() -> list[bytes]:
    """Give every SIP message of the corpus; none where it is absent."""
    paths = [
        *captured_messages(),
        *sorted((CORPUS / "rfc4475").glob("*.dat")),
        *sorted((CORPUS / "bench").glob("*.sip")),
    ]
    return [path.read_bytes() for path in paths]
