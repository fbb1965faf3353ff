"""Whatever octets arrive as SDP: a description that writes them back, or one error."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.errors import RemoteError
from telephony.sdp import (
    LocalMedia,
    SdpSyntaxError,
    SessionDescription,
    accept_answer,
    answer,
    offer,
    parse_description,
)
from telephony.sdp.agreement import PTIMES_MS

LOCAL = LocalMedia("192.0.2.10", 16384, 7)
SEED = (
    b"v=0\r\no=- 20518 0 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
    b"m=audio 54400 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    b"a=rtcp:54403 IN IP4 203.0.113.2\r\na=ptime:20\r\nb=AS:64\r\na=sendonly\r\n"
    b"m=image 54500 udptl t38\r\nc=IN IP6 ff15::101/3\r\n"
)
VALUES = st.sampled_from(
    [
        b"m=audio 4000 RTP/AVP 0 101",
        b"m=audio 4000/2 RTP/AVP 8",
        b"m=audio 65535 RTP/AVP 0",
        b"m=audio 0 RTP/AVP",
        b"m=image 4 udptl t38",
        b"c=IN IP4 0.0.0.0",
        b"c=IN IP4 224.2.1.1/127",
        b"c=IN IP6 ::",
        b"c=IN IP4 198.51.100.7",
        b"a=rtpmap:101 telephone-event/8000",
        b"a=rtpmap:0 telephone-event/8000",
        b"a=rtpmap:8 PCMA/8000/1",
        b"a=rtcp:1 IN IP7 X",
        b"a=rtcp:9 IN IP6 ::1",
        b"a=ptime:99999999999999999999999999999999",
        b"a=maxptime:1",
        b"a=inactive",
        b"a=recvonly",
        b"b=RS:0",
        b"b=RR:0",
        b"t=1 2",
        b"a=fmtp:101 \xff",
    ]
)


def assert_read_and_answered(data: bytes) -> None:
    """Read, write back and negotiate: nothing but the declared errors may come out."""
    try:
        description = parse_description(data)
    except SdpSyntaxError as error:
        assert_answerable(error, 400)
        return
    assert description.to_bytes() == data
    negotiate(description)


def negotiate(description: SessionDescription) -> None:
    """Take a description as an offer and as an answer; what we write must be readable."""
    try:
        ours = answer(description, LOCAL).answer
    except RemoteError as error:
        assert_answerable(error, 400, 488)
    else:
        assert parse_description(ours.to_bytes()) == ours
        assert [media.kind for media in ours.media] == [media.kind for media in description.media]
        assert len(offer(LOCAL, ours).media) == len(ours.media)
    try:
        accepted = accept_answer(offer(LOCAL), description)
    except RemoteError as error:
        assert_answerable(error, 400, 488)
    else:
        assert accepted.ptime_ms in PTIMES_MS
        assert not accepted.sends or accepted.remote.host != "0.0.0.0"  # noqa: S104 - the peer's


def assert_answerable(error: RemoteError, *statuses: int) -> None:
    """Hold that an error has one of these statuses and one line to log."""
    assert error.sip_status in statuses
    assert str(error).isprintable()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_octets(data: bytes) -> None:
    assert_read_and_answered(data)
    assert_read_and_answered(b"v=0\no=- 1 1 IN IP4 192.0.2.1\n" + data)


@settings(max_examples=400, deadline=None)
@given(st.lists(VALUES, max_size=12), st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n"]))
def test_any_lines(lines: list[bytes], ending: bytes) -> None:
    head = [b"v=0", b"o=- 1 1 IN IP4 192.0.2.1"]
    assert_read_and_answered(b"".join(line + ending for line in head + lines))


@settings(max_examples=400, deadline=None)
@given(
    st.integers(0, len(SEED) - 1),
    st.integers(0, 12),
    st.binary(max_size=8),
)
def test_a_description_with_a_wound(at: int, cut: int, patch: bytes) -> None:
    assert_read_and_answered(SEED[:at] + patch + SEED[at + cut :])
