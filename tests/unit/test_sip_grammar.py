"""The productions every other SIP module is built of."""

import pytest

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    MAX_LIST_VALUES,
    MAX_PARAMETERS,
    find_parameter,
    format_parameters,
    is_token,
    parse_number,
    parse_parameters,
    quote_string,
    set_parameter,
    split_list,
    unescape,
    unquote_string,
)
from telephony.sip.values import parse_media_type


@pytest.mark.parametrize("text", ["a", "z9hG4bK-.!%66*_+`'~", "INVITE", "0"])
def test_a_token_is_one(text: str) -> None:
    assert is_token(text)


@pytest.mark.parametrize("text", ["", "a b", "a;b", 'a"', "é", "a\n", "a\x00", "<a>"])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert not is_token(text)


@pytest.mark.parametrize(
    ("text", "maximum", "number"),
    [("0", 255, 0), ("0068", 255, 68), ("255", 255, 255), ("0" * 50 + "7", 9, 7)],
)
def test_a_number_is_read(text: str, maximum: int, number: int) -> None:
    assert parse_number(text, maximum) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.5", "٣", "1_0", " 1", "256", "9" * 5000])
def test_what_is_no_number_up_to_255_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_number(text, 255)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("one", ["one"]),
        ("a, b,c", ["a", "b", "c"]),
        ('"x, \\"y" <sip:a,b@c>;p="1,2", d', ['"x, \\"y" <sip:a,b@c>;p="1,2"', "d"]),
    ],
)
def test_a_list_is_split_outside_quotes_and_brackets(text: str, values: list[str]) -> None:
    assert split_list(text) == values


@pytest.mark.parametrize(
    "text",
    [",", "a,", ",a", "a,,b", "a, ,b", 'a,"b', "a,<b", "a,b<c,d", ",".join("a" * 257)],
)
def test_a_broken_or_overlong_list_is_refused(text: str) -> None:
    with pytest.raises(SipSyntaxError):
        split_list(text)


def test_a_list_may_be_as_long_as_the_limit() -> None:
    assert len(split_list(",".join("a" * MAX_LIST_VALUES))) == MAX_LIST_VALUES


def test_parameters_are_kept_as_they_stand() -> None:
    assert parse_parameters('; a = b ;lr;q="x;\\"y"') == (
        ("a", "b"),
        ("lr", None),
        ("q", '"x;\\"y"'),
    )
    assert parse_parameters(";lr") == (("lr", None),)
    assert parse_parameters("") == ()


def test_repeated_parameters_are_refused() -> None:
    with pytest.raises(SipSyntaxError, match="twice"):
        parse_parameters(";tag=1;TAG=2")


def test_too_many_parameters_are_refused() -> None:
    at_limit = "".join(f";p{number}" for number in range(MAX_PARAMETERS))
    assert len(parse_parameters(at_limit)) == MAX_PARAMETERS
    with pytest.raises(SipSyntaxError, match="65 parameters"):
        parse_parameters(at_limit + ";more")


def test_a_parameter_is_found_whatever_its_case() -> None:
    parameters = (("Tag", "x"), ("LR", None), ("text", '"a \\"b"'))
    assert find_parameter(parameters, "tag") == "x"
    assert find_parameter(parameters, "lr") == ""
    assert find_parameter(parameters, "text") == 'a "b'
    assert find_parameter(parameters, "none") is None


def test_a_parameter_is_set_in_its_place_or_at_the_end() -> None:
    parameters = (("A", "1"), ("b", None))
    assert set_parameter(parameters, "a", "2") == (("A", "2"), ("b", None))
    assert set_parameter(parameters, "c") == (("A", "1"), ("b", None), ("c", None))


def test_parameters_are_written() -> None:
    assert format_parameters((("a", "b"), ("lr", None))) == ";a=b;lr"
    assert format_parameters(()) == ""


@pytest.mark.parametrize("text", ["", "plain", 'a "quoted" \\ word', "tab\there", "nul\x00", "ünï"])
def test_a_quoted_string_reads_back(text: str) -> None:
    assert unquote_string(quote_string(text)) == text


def test_control_characters_become_quoted_pairs() -> None:
    assert quote_string('a"\x07\x00') == '"a\\"\\\x07\\\x00"'


def test_a_text_without_quotes_stays() -> None:
    assert unquote_string("token") == "token"


@pytest.mark.parametrize(
    ("escaped", "text"),
    [("%75se%72", "user"), ("plain", "plain"), ("%00", "\x00"), ("%C3%A9", "é"), ("%zz", "%zz")],
)
def test_escapes_are_undone(escaped: str, text: str) -> None:
    assert unescape(escaped) == text


def test_octets_that_are_no_utf8_survive() -> None:
    assert unescape("%ff%41").encode("utf-8", "surrogateescape") == b"\xffA"


def test_an_error_shows_a_value_short_and_printable() -> None:
    assert clip("a\r\nb") == "'a\\r\\nb'"
    assert clip("x" * 100) == f"'{'x' * 60}'... (100 characters)"


def test_a_value_tells_of_its_parameters() -> None:
    media = parse_media_type("text/plain;Charset=UTF-8;x")
    assert media.parameter("charset") == "UTF-8"
    assert media.has_parameter("x")
    assert not media.has_parameter("y")
    assert media.parameter("y") is None
