"""Header values of RFC 3262, 3326, 3891, 4028 and 6665."""

from collections.abc import Callable

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.extensions import (
    Event,
    RAck,
    Reason,
    Replaces,
    SessionExpires,
    SubscriptionState,
    parse_event,
    parse_min_se,
    parse_rack,
    parse_reason,
    parse_replaces,
    parse_rseq,
    parse_session_expires,
    parse_subscription_state,
)
from telephony.sip.values import CSeq

WIRE: list[tuple[Callable[[str], object], str, object]] = [
    (parse_rseq, "4294967295", 2**32 - 1),
    (parse_rack, "776656 1 INVITE", RAck(776656, CSeq(1, "INVITE"))),
    (
        parse_reason,
        'SIP;cause=200;text="Call completed elsewhere"',
        Reason("SIP", (("cause", "200"), ("text", '"Call completed elsewhere"'))),
    ),
    (parse_event, "refer", Event("refer")),
    (parse_event, "presence.winfo;id=93", Event("presence.winfo", (("id", "93"),))),
    (
        parse_subscription_state,
        "terminated;reason=noresource",
        SubscriptionState("terminated", (("reason", "noresource"),)),
    ),
    (
        parse_replaces,
        "98732@sip.example.com;to-tag=r33th4x0r;from-tag=ff87ff",
        Replaces("98732@sip.example.com", "r33th4x0r", "ff87ff"),
    ),
    (
        parse_replaces,
        "c;to-tag=1;from-tag=2;early-only;x=y",
        Replaces("c", "1", "2", early_only=True, parameters=(("x", "y"),)),
    ),
    (parse_session_expires, "1800", SessionExpires(1800)),
    (
        parse_session_expires,
        "4000;refresher=uac;x",
        SessionExpires(4000, "uac", (("x", None),)),
    ),
    (parse_min_se, "90", 90),
]


@pytest.mark.parametrize(("parse", "text", "value"), WIRE)
def test_a_value_is_read_and_written(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value
    assert str(value) == text


BAD: list[tuple[Callable[[str], object], list[str]]] = [
    (parse_rseq, ["", "0", "4294967296", "1 "]),
    (parse_rack, ["", "1 INVITE", "0 1 INVITE", "1 2147483648 INVITE", "1 1 a b"]),
    (parse_reason, ["", ";cause=1", "SIP;cause=1;cause=2", 'SIP;text="x']),
    (parse_event, ["", "a b", "a;"]),
    (parse_subscription_state, ["", "active,pending"]),
    (
        parse_replaces,
        ["", "c", "c;to-tag=1", "c;from-tag=1", "c;to-tag;from-tag=1", 'c;to-tag="a";from-tag=1',
         "a b;to-tag=1;from-tag=2", "c,;to-tag=1;from-tag=2"],
    ),
    (parse_session_expires, ["", "x", "1800;refresher=me", "1800;refresher", "1800 uac"]),
    (parse_min_se, ["", "x", "90,90"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parse", "text"), [(parse, text) for parse, texts in BAD for text in texts]
)
def test_a_bad_value_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse(text)


def test_case_that_does_not_count() -> None:
    assert parse_session_expires("1800 ; Refresher=UAS").refresher == "uas"
    assert parse_replaces("c;To-Tag=A;FROM-tag=b;Early-Only").early_only
    assert parse_subscription_state("Active;expires=60").state == "active"
    assert parse_min_se("120;generic=1") == 120


def test_the_cause_of_a_reason() -> None:
    reason = parse_reason('Q.850;cause=16;text="Normal"')
    assert (reason.cause, reason.text) == (16, "Normal")
    assert parse_reason("SIP;cause=x").cause is None
    assert parse_reason("SIP").cause is None
    assert parse_reason("SIP").text is None


def test_the_parameters_of_a_subscription() -> None:
    state = parse_subscription_state("active;expires=60;retry-after=5;reason=giveup")
    assert (state.expires, state.retry_after, state.reason) == (60, 5, "giveup")
    bare = parse_subscription_state("pending;expires=x")
    assert (bare.retry_after, bare.reason) == (None, None)
    with pytest.raises(SipSyntaxError):
        _ = bare.expires
    assert parse_event("refer;id=7").id == "7"
    assert parse_event("refer").id is None
