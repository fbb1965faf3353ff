"""How a whole endpoint answers each torture message of RFC 4475."""

from pathlib import Path

import pytest

from telephony.sip import IncomingInvite
from tests.support.sip_peer import Bench

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus" / "rfc4475"
ABSENT = "the torture messages of RFC 4475 are not beside this checkout (../shared/corpus)"


def expectations() -> list[tuple[str, str]]:
    table = CORPUS / "EXPECTED.tsv"
    if not table.exists():
        return []
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[0], row[2]) for row in rows]


@pytest.mark.skipif(not CORPUS.exists(), reason=ABSENT)
def test_there_are_49_of_them() -> None:
    assert len(expectations()) == 49


@pytest.mark.parametrize(("name", "expected"), expectations())
def test_a_torture_message_gets_the_answer_it_should(name: str, expected: str) -> None:
    bench = Bench()
    data = (CORPUS / f"{name}.dat").read_bytes()
    bench.receive(data + b"\r\n" if name == "baddn" else data)
    statuses = [str(status) for status in bench.statuses()]
    if name == "wsinv":
        # Not what the table asks for, on purpose: its To tag is of no dialog (RFC 3261 12.2.2).
        assert statuses == ["481"]
        assert bench.event_kinds() == []
    elif expected == "process":
        assert statuses == []
        bench.event(IncomingInvite)
    elif expected in ("stray", "drop"):
        assert statuses == []
        assert bench.event_kinds() == ["MessageRejected"]
    else:
        assert len(statuses) == 1
        assert statuses[0] in expected.split("|")
