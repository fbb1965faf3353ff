"""The values inside SDP lines: read, written, bounded."""

import pytest

from telephony.sdp import (
    Codec,
    Connection,
    Direction,
    Origin,
    RtcpAddress,
    SdpSyntaxError,
)
from telephony.sdp.values import STATIC_CODECS, parse_number, seen


@pytest.mark.parametrize(
    ("direction", "sends", "receives"),
    [
        (Direction.SENDRECV, True, True),
        (Direction.SENDONLY, True, False),
        (Direction.RECVONLY, False, True),
        (Direction.INACTIVE, False, False),
    ],
)
def test_a_direction_says_who_sends(direction: Direction, sends: bool, receives: bool) -> None:
    assert (direction.sends, direction.receives) == (sends, receives)
    assert Direction.of(sends=sends, receives=receives) is direction


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", " 1", "1.0", "\u0661", "65536", "9" * 31])
def test_number_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(SdpSyntaxError, match="wanted a number from 0 to 65535") as caught:
        parse_number(text, 65535, "port")
    assert caught.value.sip_status == 400


def test_number_at_its_bounds_is_read() -> None:
    assert parse_number("0", 65535, "port") == 0
    assert parse_number("65535", 65535, "port") == 65535


def test_what_the_peer_sent_is_quoted_short_and_printable() -> None:
    assert seen("\udcff\x07") == "'\\udcff\\x07'"
    assert seen("x" * 61) == "'" + "x" * 60 + "'..."


def test_origin_reads_and_writes_itself() -> None:
    origin = Origin.parse("alice 2890844526 2890842807 IN IP6 2001:db8::1")
    assert origin == Origin("alice", 2890844526, 2890842807, "IN", "IP6", "2001:db8::1")
    assert str(origin) == "alice 2890844526 2890842807 IN IP6 2001:db8::1"


def test_origin_keeps_a_user_name_with_blanks() -> None:
    assert Origin.parse("Gate way 1 2 IN IP4 192.0.2.1").username == "Gate way"


@pytest.mark.parametrize(
    "value", ["", "- 1 2 IN IP4", "- x 2 IN IP4 192.0.2.1", "- 1 -2 IN IP4 192.0.2.1"]
)
def test_origin_without_its_fields_is_refused(value: str) -> None:
    with pytest.raises(SdpSyntaxError):
        Origin.parse(value)


@pytest.mark.parametrize(
    ("value", "address", "suffix"),
    [
        ("IN IP4 192.0.2.1", "192.0.2.1", ""),
        ("IN IP4 224.2.1.1/127", "224.2.1.1", "127"),
        ("IN IP4 224.2.1.1/127/3", "224.2.1.1", "127/3"),
        ("IN IP6 ff15::101/3", "ff15::101", "3"),
        ("IN IP6 2001:db8::1", "2001:db8::1", ""),
    ],
)
def test_connection_reads_and_writes_itself(value: str, address: str, suffix: str) -> None:
    connection = Connection.parse(value)
    assert (connection.address, connection.multicast_suffix) == (address, suffix)
    assert str(connection.ip) == address
    assert str(connection) == value


@pytest.mark.parametrize("value", ["", "IN IP4", "IN IP4 192.0.2.1 more"])
def test_connection_without_three_fields_is_refused(value: str) -> None:
    with pytest.raises(SdpSyntaxError):
        Connection.parse(value)


@pytest.mark.parametrize(
    "value", ["IN IP4 media.example.com", "IN IP6 192.0.2.1", "IN IP7 192.0.2.1", "IN IP4 1.2.3"]
)
def test_connection_without_an_address_of_its_type_has_no_ip(value: str) -> None:
    assert Connection.parse(value).ip is None


def test_connection_of_our_own_address_names_its_family() -> None:
    assert str(Connection.to("192.0.2.1")) == "IN IP4 192.0.2.1"
    assert str(Connection.to("2001:db8::1")) == "IN IP6 2001:db8::1"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("53020", RtcpAddress(53020)),
        ("53020 IN IP4 192.0.2.5", RtcpAddress(53020, "192.0.2.5")),
        ("53020 IN IP6 2001:db8::5", RtcpAddress(53020, "2001:db8::5")),
        ("0", None),
        ("none", None),
        ("1 IN IP7 X", None),
        ("1 IN", None),
    ],
)
def test_rtcp_address_is_read_or_said_to_be_unusable(
    value: str, wanted: RtcpAddress | None
) -> None:
    assert RtcpAddress.parse(value) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0 PCMU/8000", Codec(0, "PCMU", 8000)),
        ("111 opus/48000/2", Codec(111, "opus", 48000, 2)),
        ("101  telephone-event/8000", Codec(101, "telephone-event", 8000)),
        ("8 pcma/8000/1", Codec(8, "pcma", 8000)),
    ],
)
def test_codec_is_read_from_its_map(value: str, wanted: Codec) -> None:
    assert Codec.parse(value) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "0 PCMU",
        "0 PCMU/",
        "0 /8000",
        "128 X/8000",
        "0 PCMU/0",
        "0 X/8000/0",
        "x PCMU/8000",
    ],
)
def test_malformed_map_gives_no_codec(value: str) -> None:
    assert Codec.parse(value) is None


def test_codec_writes_its_map_with_channels_only_where_there_are_several() -> None:
    assert Codec(0, "PCMU", 8000).rtpmap == "0 PCMU/8000"
    assert Codec(111, "opus", 48000, 2).rtpmap == "111 opus/48000/2"


def test_one_format_is_recognized_whatever_its_case_and_payload_type() -> None:
    codec = Codec(0, "PCMU", 8000)
    assert codec.is_same_format(Codec(97, "pcmu", 8000, fmtp="x"))
    assert not codec.is_same_format(Codec(0, "PCMU", 16000))
    assert not codec.is_same_format(Codec(0, "PCMU", 8000, 2))
    assert not codec.is_same_format(Codec(0, "PCMA", 8000))


def test_static_payload_types_mean_what_rfc_3551_says() -> None:
    names = {number: STATIC_CODECS[number].rtpmap for number in (0, 8, 9, 13, 18)}
    assert names == {
        0: "0 PCMU/8000",
        8: "8 PCMA/8000",
        9: "9 G722/8000",
        13: "13 CN/8000",
        18: "18 G729/8000",
    }


def test_digits_and_comfort_noise_are_not_speech() -> None:
    assert not Codec(101, "Telephone-Event", 8000).is_speech
    assert not STATIC_CODECS[13].is_speech
    assert STATIC_CODECS[9].is_speech
