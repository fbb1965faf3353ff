"""What a description's lines mean."""

import pytest

from telephony.sdp import (
    Codec,
    Connection,
    Direction,
    Line,
    MediaDescription,
    RtcpAddress,
    SdpSyntaxError,
    SessionDescription,
)


def media(*values: str) -> MediaDescription:
    """Make a media section from "type=value" texts."""
    return MediaDescription(tuple(Line(value[0], value[2:]) for value in values))


def session(*values: str, sections: tuple[MediaDescription, ...] = ()) -> SessionDescription:
    """Make a description with the two lines that each needs, more lines, and media."""
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", *values)
    return SessionDescription(tuple(Line(value[0], value[2:]) for value in head), sections)


def test_media_line_is_taken_apart() -> None:
    section = media("m=Audio 4000/2 RTP/AVP 0 8")
    assert (section.kind, section.port, section.port_count) == ("audio", 4000, 2)
    assert (section.protocol, section.formats) == ("RTP/AVP", ("0", "8"))


def test_fax_and_message_streams_have_formats_but_no_codecs() -> None:
    section = media("m=image 4000 udptl t38", "c=IN IP4 192.0.2.1")
    assert (section.kind, section.protocol, section.formats) == ("image", "udptl", ("t38",))
    assert section.codecs == ()
    assert section.connection == Connection("IN", "IP4", "192.0.2.1")


def test_static_payload_types_need_no_map() -> None:
    codecs = media("m=audio 4000 RTP/AVP 0 8 9 13 96").codecs
    assert [codec.rtpmap for codec in codecs] == [
        "0 PCMU/8000",
        "8 PCMA/8000",
        "9 G722/8000",
        "13 CN/8000",
    ]


def test_static_payload_types_mean_nothing_in_video() -> None:
    assert media("m=video 4000 RTP/AVP 0").codecs == ()


def test_map_and_parameters_are_joined_in_the_order_of_the_formats() -> None:
    section = media(
        "m=audio 4000 RTP/SAVPF 101 0 0 300 x",
        "a=fmtp:101 0-16",
        "a=fmtp:101 ignored, the first holds",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:0 pcmu/8000",
        "a=rtpmap:bad",
    )
    assert section.codecs == (
        Codec(101, "telephone-event", 8000, fmtp="0-16"),
        Codec(0, "pcmu", 8000),
    )


def test_rtcp_address_is_found_or_ignored_when_malformed() -> None:
    assert media("m=audio 4000 RTP/AVP 0", "a=rtcp:4005").rtcp == RtcpAddress(4005)
    assert media("m=audio 4000 RTP/AVP 0", "a=rtcp:4005 IN IP7 X").rtcp is None
    assert media("m=audio 4000 RTP/AVP 0").rtcp is None


@pytest.mark.parametrize(
    "value",
    [
        "m=",
        "m=audio 4000",
        "m=audio x RTP/AVP 0",
        "m=audio 65536 RTP/AVP 0",
        "m=audio 4000/ RTP/AVP 0",
        "m=audio 4000 RTP/AVP",
        "m=audio 4000 RTP/AVP" + " 0" * 129,
    ],
)
def test_malformed_media_line_is_refused(value: str) -> None:
    with pytest.raises(SdpSyntaxError):
        media(value)


def test_media_section_without_its_line_is_refused() -> None:
    with pytest.raises(SdpSyntaxError):
        media("a=sendrecv")


def test_refused_stream_may_lack_formats_and_address() -> None:
    section = media("m=audio 0 RTP/AVP")
    description = session(sections=(section,))
    with pytest.raises(SdpSyntaxError, match="no c= line"):
        description.connection_for(section)


def test_stream_in_use_needs_an_address_at_either_level() -> None:
    section = media("m=audio 4000 RTP/AVP 0")
    with pytest.raises(SdpSyntaxError, match="no c= line"):
        session(sections=(section,))
    shared = session("c=IN IP4 192.0.2.9", sections=(section,))
    assert shared.connection_for(section).address == "192.0.2.9"
    own = media("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.8")
    assert session("c=IN IP4 192.0.2.9", sections=(own,)).connection_for(own).address == "192.0.2.8"


@pytest.mark.parametrize(
    ("session_line", "media_line", "wanted"),
    [
        ("s=-", "i=none", Direction.SENDRECV),
        ("a=inactive", "i=none", Direction.INACTIVE),
        ("a=inactive", "a=RecvOnly", Direction.RECVONLY),
        ("a=x:sendonly", "a=sendonly", Direction.SENDONLY),
    ],
)
def test_direction_of_the_stream_comes_before_the_session_s(
    session_line: str, media_line: str, wanted: Direction
) -> None:
    section = media("m=audio 0 RTP/AVP 0", media_line)
    assert session(session_line, sections=(section,)).direction_for(section) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("20", 20), ("20.5", 20), ("0.125", None), ("0", None), ("x", None), ("", None)],
)
def test_packet_length_is_read_in_whole_milliseconds(text: str, wanted: int | None) -> None:
    section = media("m=audio 0 RTP/AVP 0", f"a=ptime:{text}", f"a=maxptime:{text}")
    description = session(sections=(section,))
    assert description.ptime_ms_for(section) == wanted
    assert description.maxptime_ms_for(section) == wanted


def test_packet_length_of_the_session_holds_where_the_stream_has_none() -> None:
    plain, own = media("m=audio 0 RTP/AVP 0"), media("m=audio 0 RTP/AVP 0", "a=ptime:30")
    description = session("a=ptime:40", "a=maxptime:60", sections=(plain, own))
    assert description.ptime_ms_for(plain) == 40
    assert description.ptime_ms_for(own) == 30
    assert description.maxptime_ms_for(own) == 60


def test_bandwidth_is_read_at_either_level() -> None:
    section = media("m=audio 0 RTP/AVP 0", "b=AS:64", "b=RS:0", "b=RR:x")
    description = session("b=AS:128", "b=CT:1000", sections=(section,))
    assert description.bandwidth_for(section, "AS") == 64
    assert description.bandwidth_for(section, "RS") == 0
    assert description.bandwidth_for(section, "RR") is None
    assert description.bandwidth_for(section, "CT") == 1000
    assert description.bandwidth_for(section, "TIAS") is None


def test_attributes_are_found_with_and_without_a_value() -> None:
    section = media("m=audio 0 RTP/AVP 0", "a=crypto:1 X", "a=rtcp-mux", "a=crypto:2 Y")
    assert section.attributes("crypto") == ("1 X", "2 Y")
    assert section.attribute("rtcp-mux") == ""
    assert section.attribute("mid") is None
    assert section.first("c") is None


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (Line("o", "- 1 1 IN IP4 192.0.2.1"), Line("v", "0")),
        (Line("v", "1"), Line("o", "- 1 1 IN IP4 192.0.2.1")),
        (Line("v", "0"),),
        (Line("v", "0"), Line("o", "nothing")),
    ],
)
def test_session_opens_with_version_and_has_an_origin(lines: tuple[Line, ...]) -> None:
    with pytest.raises(SdpSyntaxError):
        SessionDescription(lines)


def test_description_is_its_lines() -> None:
    section = media("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.1")
    description = session(sections=(section,))
    assert description.to_bytes() == (
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"
    )
    assert str(section) == "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"
    assert description.origin.session_id == 1
    assert description.connection is None
