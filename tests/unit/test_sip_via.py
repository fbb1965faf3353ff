"""The Via header field (RFC 3261 section 20.42, RFC 3581)."""

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.via import Via, parse_via, salvage_via


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("SIP/2.0/UDP h", Via("UDP", "h")),
        (
            "SIP/2.0/TLS h.example:5061;branch=z9hG4bK1;rport",
            Via("TLS", "h.example", 5061, (("branch", "z9hG4bK1"), ("rport", None))),
        ),
        (
            "SIP/2.0/UDP [2001:db8::1]:5060;received=2001:db8::2",
            Via("UDP", "2001:db8::1", 5060, (("received", "2001:db8::2"),)),
        ),
        ("SIP/7.0/X-1 h", Via("X-1", "h", protocol="SIP/7.0")),
    ],
)
def test_a_via_is_read_and_written(text: str, via: Via) -> None:
    assert parse_via(text) == via
    assert str(via) == text


def test_white_space_where_the_grammar_has_it() -> None:
    via = parse_via("SIP  / 2.0  / tcp     spindle.example.com : 5060  ;  branch  =   z9hG4bK9")
    assert via == Via("TCP", "spindle.example.com", 5060, (("branch", "z9hG4bK9"),))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP [::z]",
        "SIP/2.0/UDP [1::2::3]",
        "SIP/2.0/UDP h;;branch=1",
        "SIP/2.0/UDP h;branch=1;branch=2",
        "SIP/2.0/UDP h i",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
    ],
)
def test_what_is_no_via_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_via(text)


def test_the_branch_is_none_from_an_rfc_2543_element() -> None:
    assert parse_via("SIP/2.0/UDP h;branch=b").branch == "b"
    assert parse_via("SIP/2.0/UDP h").branch is None


def test_a_broken_via_gives_what_an_answer_needs() -> None:
    assert salvage_via("SIP/2.0/UDP h:5062;branch=b;;,") == Via(
        "UDP", "h", 5062, (("branch", "b"),)
    )
    assert salvage_via("SIP/2.0/UDP") is None
    assert salvage_via("SIP/2.0/UDP [::z]") is None
    assert salvage_via("SIP/2.0/UDP h;a=1;a=2") is None
