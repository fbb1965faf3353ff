"""Descriptions as objects and as octets, each way."""

import pytest

from telephony.sdp import Line, MediaDescription, SessionDescription, parse_description

HEAD = (Line("v", "0"), Line("o", "alice 1 2 IN IP4 192.0.2.1"), Line("s", "-"))
HEAD_OCTETS = b"v=0\r\no=alice 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"

ROWS = [
    (SessionDescription(HEAD), HEAD_OCTETS),
    (
        SessionDescription(
            (*HEAD, Line("c", "IN IP4 192.0.2.1"), Line("t", "0 0")),
            (
                MediaDescription(
                    (
                        Line("m", "audio 49170 RTP/AVP 0 101"),
                        Line.attribute("rtpmap", "101 telephone-event/8000"),
                        Line.attribute("fmtp", "101 0-15"),
                        Line.attribute("sendrecv"),
                    )
                ),
                MediaDescription((Line("m", "image 0 udptl t38"),)),
            ),
        ),
        HEAD_OCTETS + b"c=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        b"m=audio 49170 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
        b"a=fmtp:101 0-15\r\na=sendrecv\r\nm=image 0 udptl t38\r\n",
    ),
    (
        SessionDescription(
            (*HEAD, Line("a", "x:\udcff", "\n")),
            (
                MediaDescription(
                    (
                        Line("m", "audio 4000/2 RTP/AVP 0", "\n"),
                        Line("c", "IN IP4 224.2.1.1/127", ""),
                    )
                ),
            ),
        ),
        HEAD_OCTETS + b"a=x:\xff\nm=audio 4000/2 RTP/AVP 0\nc=IN IP4 224.2.1.1/127",
    ),
]


@pytest.mark.parametrize(("description", "octets"), ROWS)
def test_row_is_written_and_read(description: SessionDescription, octets: bytes) -> None:
    assert description.to_bytes() == octets
    assert parse_description(octets) == description
