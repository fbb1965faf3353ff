"""Small header values of RFC 3261."""

from collections.abc import Callable

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.values import (
    CSeq,
    MediaType,
    RetryAfter,
    parse_call_id,
    parse_content_length,
    parse_cseq,
    parse_delta_seconds,
    parse_max_forwards,
    parse_media_type,
    parse_retry_after,
)

WIRE: list[tuple[Callable[[str], object], str, object]] = [
    (parse_cseq, "1 INVITE", CSeq(1, "INVITE")),
    (parse_cseq, "2147483647 x!", CSeq(2147483647, "x!")),
    (parse_cseq, "0 BYE", CSeq(0, "BYE")),
    (parse_call_id, "a84b4c76e66710@pc33.atlanta.com", "a84b4c76e66710@pc33.atlanta.com"),
    (parse_call_id, "w%ZK-!.*_+'@w`~)(><:\\/\"][?}{", "w%ZK-!.*_+'@w`~)(><:\\/\"][?}{"),
    (parse_media_type, "application/sdp", MediaType("application", "sdp")),
    (
        parse_media_type,
        'multipart/mixed;boundary="a;b";x=y',
        MediaType("multipart", "mixed", (("boundary", '"a;b"'), ("x", "y"))),
    ),
    (parse_max_forwards, "70", 70),
    (parse_content_length, "4294967295", 2**32 - 1),
    (parse_delta_seconds, "3600", 3600),
    (parse_retry_after, "120", RetryAfter(120)),
    (
        parse_retry_after,
        "18000 (at (lunch\\)); back soon);duration=3600",
        RetryAfter(18000, "(at (lunch\\)); back soon)", (("duration", "3600"),)),
    ),
]


@pytest.mark.parametrize(("parse", "text", "value"), WIRE)
def test_a_value_is_read_and_written(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value
    assert str(value) == text


BAD: list[tuple[Callable[[str], object], list[str]]] = [
    (parse_cseq, ["", "1", "INVITE", "INVITE 1", "-1 BYE", "2147483648 BYE", "1 B C", "1  "]),
    (parse_call_id, ["", "a b", "a@b@c", "@", "a@", "é", "a,b"]),
    (parse_media_type, ["", "application", "a/", "a/b/c", "a/b;", "a b/c"]),
    (parse_max_forwards, ["", "256", "300", "-1", "70 "]),
    (parse_content_length, ["", "-999", "4294967296", "1,2", "0x10"]),
    (parse_delta_seconds, ["", "4294967296", "3600;x"]),
    (parse_retry_after, ["", "soon", "1 (a", "1 (a))", "1 b", "949302838503028349304023988"]),
]


@pytest.mark.parametrize(
    ("parse", "text"), [(parse, text) for parse, texts in BAD for text in texts]
)
def test_a_bad_value_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse(text)


def test_white_space_and_leading_zeros() -> None:
    assert parse_cseq("0009 \t INVITE") == CSeq(9, "INVITE")
    assert parse_max_forwards("0068") == 68
    assert str(parse_media_type("Application / SDP ; a = b")) == "application/sdp;a=b"


def test_the_essence_of_a_media_type() -> None:
    assert parse_media_type("Message/SipFrag;version=2.0").essence == "message/sipfrag"
