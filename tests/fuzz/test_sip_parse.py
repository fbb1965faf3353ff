"""Whatever the octets: a message or a `SipSyntaxError`, and in time linear in their number."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telephony.sip import subscription, values
from telephony.sip.framing import StreamFramer
from telephony.sip.grammar import split_list
from telephony.sip.message import (
    Request,
    Response,
    SipSyntaxError,
    check_request,
    check_response,
    parse_message,
)
from telephony.sip.name_addr import parse_name_addr
from telephony.sip.status import parse_sipfrag
from telephony.sip.uri import parse_uri
from telephony.sip.via import parse_via, salvage_via
from tests.support.sip_corpus import all_messages

T = TypeVar("T")

STATUSES = {400, 505, 513}
REASON = re.compile("[A-Z][A-Za-z-]*( [A-Za-z-]+)+")
MESSAGE_CHARACTERS = 800
"""60 characters of the peer, written as up to ten each, and our words."""
OWN_SEED = b"\r\n".join(
    [
        b"INVITE sip:a;b=c@h:5060;lr;x=%41?Route=%3Csip:p%3E SIP/2.0",
        b"v: SIP / 2.0/UDP [::1]:5060\r\n ;branch=z9hG4bK1;rport, SIP/2.0/TCP h;received=::1",
        b"v: SIP/2.0/UDP h;rport=none",
        b'f: "A \\" B" <tel:+1-2;ext=3>;tag=1',
        b't: sip:b@h;tag="x"',
        b"i: c@d",
        b"CSeq: 1 INVITE",
        b"m: *",
        b"m: <sip:a@b>;expires=60;q=0.3",
        b"Max-Forwards: 70",
        b"x: 1800;refresher=uac",
        b"Replaces: c@d;to-tag=1;from-tag=2;early-only",
        b'Reason: Q.850;cause=16;text="bye"',
        b"RAck: 1 2 INVITE",
        b"o: refer;id=1",
        b"Retry-After: 5 (x)",
        b"Subscription-State: active;expires=3",
        b'Warning: 399 h "text"',
        b"c: application/sdp",
        b"l: 2",
        b"",
        b"ab",
    ]
)
SEEDS = [OWN_SEED, *all_messages()]
SNIPPETS = [
    b"\r\n", b"\r\n ", b"\r", b"\n", b"\x00", b'"', b"\\", b"<", b">", b",", b";", b"=", b":", b"@",
    b"%00", b"%", b"[", b"]", b"::", b"Via:", b"l: ", b"-1", b"99999999999999999999", b"\xff",
    b"\xc3",
    "\u0660\u2028\u0130".encode(), b"\\\x00", b"SIP/2.0", b" ", b"\t", b"*", b"?",
]  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Take a real message and damage it in a few places."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 8))
        data[start:end] = draw(st.sampled_from(SNIPPETS) | st.binary(max_size=6))
    return bytes(data)


def read_all(message: Request | Response) -> None:
    """Ask for everything a message could be asked for; write it, and answer it."""
    if isinstance(message, Request):
        error = check_request(message)
        answered = message if error is None else error.partial
        if answered is not None:
            written = Response.for_request(answered, 400, to_tag="t").to_bytes()
            assert parse_message(written).to_bytes() == written
    else:
        check_response(message)
    for name in ("via", "vias", "from_", "to", "call_id", "cseq", "contact", "contacts", "routes",
                 "record_routes", "max_forwards", "expires", "allow", "require", "supported",
                 "content_type", "content_length", "uri"):  # fmt: skip
        attempt(partial(getattr, message, name, None))
    for name, value in message.headers.items():
        message.headers.copy().add(name, value)
        for parse in PARSERS:
            read_back(parse, value)


PARSERS: list[Callable[[str], object]] = [
    *(getattr(subscription, name) for name in subscription.__all__ if name.startswith("parse_")),
    *(getattr(values, name) for name in values.__all__ if name.startswith("parse_")),
    parse_name_addr,
    parse_via,
    parse_uri,
]


def read_back(parse: Callable[[str], object], text: str) -> None:
    """Read a value; if it is one, what we write for it must mean the same."""
    value = attempt(lambda: parse(text))
    if value is not None:
        assert parse(str(value)) == value
        for name, member in vars(type(value)).items():
            if isinstance(member, property):
                attempt(partial(getattr, value, name))


def attempt(ask: Callable[[], T]) -> T | None:
    """Call something that may raise `SipSyntaxError` and nothing else."""
    try:
        return ask()
    except SipSyntaxError as error:
        assert_presentable(error)
        return None


def assert_presentable(error: SipSyntaxError) -> None:
    """Hold that an error can be answered and logged: a status, and one short line."""
    said = str(error)
    assert said.isascii()
    assert said.isprintable()
    assert 0 < len(said) <= MESSAGE_CHARACTERS
    assert error.sip_status in STATUSES
    assert REASON.fullmatch(error.reason)


def read_octets(data: bytes) -> int:
    """Take octets as a datagram, as a stream and as a fragment; give how many were a message."""
    messages = 0
    for stream in (False, True):
        try:
            message = parse_message(data, stream=stream)
        except SipSyntaxError as error:
            assert_presentable(error)
            if error.partial is not None:
                read_all(error.partial)
            continue
        assert data.lstrip(b"\r\n").startswith(message.to_bytes())
        read_all(message)
        messages += 1
    framed = attempt(lambda: list(StreamFramer().feed(data)))
    assert framed is None or all(one in data for one in framed if isinstance(one, bytes))
    attempt(lambda: parse_sipfrag(data))
    return messages


@settings(max_examples=300, deadline=None)
@given(mutations())
@example(OWN_SEED)
@example(OWN_SEED.replace(b"v: SIP", b"v: SIP/2.0/UDP a;;, \\\x00\r\nv: SIP"))
def test_damaged_messages(data: bytes) -> None:
    assert read_octets(data) <= 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | st.lists(st.sampled_from(SNIPPETS), max_size=40).map(b"".join))
def test_octets(data: bytes) -> None:
    assert read_octets(data) == 0, "a message by chance"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(SNIPPETS), max_size=20).map(
    lambda parts: b"".join(parts).decode("utf-8", "surrogateescape")
))  # fmt: skip
def test_texts(text: str) -> None:
    for parse in PARSERS:
        read_back(parse, text)
    values = attempt(lambda: split_list(text))
    if values is not None:
        assert all(value in text for value in values)
        if text and not set(text) & set('"<>\\'):
            assert values == [text] or values == [each.strip(" \t") for each in text.split(",")]
        assert split_list(", ".join(values)) == values
    salvaged = salvage_via(text)
    assert salvaged is None or parse_via(str(salvaged)) == salvaged


def test_the_corpus() -> None:
    assert read_octets(OWN_SEED) == 2, "as a datagram and as a stream"
    assert sum(read_octets(data) for data in SEEDS) > len(SEEDS)


# Shapes that send careless expressions into quadratic time: 60 kB of one thing, in each place.
FILLINGS = [" ", "\t", "a", ";", ";a", ";a=b", ",", "a,", '"', "\\", '\\"', "<", "<>", "%41", ".",
            "a.", "-", "a-", "[", ":", "1", "0", "(", "()", "\r\n ", "&a=b", "=", "/",
            "\udcff"]  # fmt: skip
PLACES = [
    "Via: {}", "Via: SIP/2.0/UDP {}", "Via: SIP/2.0/UDP h{}", "Via: SIP/2.0/UDP h;a={}!",
    "From: {}", "From: {}<sip:a@h>", 'From: "{}" <sip:a@h>', "From: <sip:{}>", "From: <sip:{}@h>",
    "From: <sip:a@{}>", "From: <sip:a@h{}>", "From: <sip:a@h?a=b{}>", "From: <tel:{}>",
    "From: sip:a@h{}", "From: sip:a@h;x={}!", "Contact: {}", "Contact: <sip:a@h>,{}", "CSeq: {}",
    "CSeq: 1{}A", "Call-ID: {}", "Allow: {}", "Max-Forwards: {}", "Retry-After: 1 ({})",
    "Warning: 399 h {}", "Content-Type: a/b{}", "Content-Length: {}", "X{}: y", "{}",
    "Replaces: a{}", "Session-Expires: 1{}", "Reason: SIP{}",
    "From: A{}b\r\n <sip:a@h>", "Subject: {}b\r\n c",
]  # fmt: skip
LENGTH = 60_000
SECONDS = 0.05


@pytest.mark.parametrize("place", PLACES)
def test_time_is_linear(place: str) -> None:
    for filling in FILLINGS:
        line = place.format(filling * (LENGTH // len(filling)))
        data = f"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{line}\r\n\r\n".encode(
            "utf-8", "surrogateescape"
        )
        text = line.partition(": ")[2].replace("\r\n", "")
        for parse in (partial(_read_whole, data), *(partial(one, text) for one in PARSERS)):
            assert seconds_of(partial(attempt, parse)) < SECONDS, (parse, place, filling)


def _read_whole(data: bytes) -> object:
    message = parse_message(data)
    assert isinstance(message, Request)
    return check_request(message), message.headers.items()


def seconds_of(work: Callable[[], object]) -> float:
    """Give the processor time of a piece of work; tried twice more before it counts as slow."""
    seconds = SECONDS
    for _ in range(3):
        begun = time.process_time()
        work()
        seconds = time.process_time() - begun
        if seconds < SECONDS:
            break
    return seconds
