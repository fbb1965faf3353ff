"""Whatever octets come, a parser returns or raises its own error."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.rtp import (
    DigitEnded,
    DigitReceiver,
    InfoDigitError,
    OtherRtcp,
    ReceiverReport,
    RtpPacket,
    RtpSyntaxError,
    SourceDescription,
    build_rtcp,
    build_rtp,
    parse_info_digit,
    parse_rtcp,
    parse_rtp,
)
from telephony.units import Nanoseconds, RtpTimestamp

HEADERS = st.tuples(
    st.integers(0x80, 0xBF).map(lambda first: bytes([first])),
    st.binary(min_size=11, max_size=120),
).map(b"".join)


@st.composite
def compounds(draw: st.DrawFn) -> bytes:
    """Draw RTCP with plausible headers, then perhaps a length or an octet that lies."""
    out = b""
    for kind in draw(st.lists(st.integers(199, 208), min_size=1, max_size=5)):
        body = draw(st.binary(max_size=60))
        body += bytes(-len(body) % 4)
        words = len(body) // 4 + draw(st.sampled_from((0, 0, 0, 0, 1, -1)))
        first = 0x80 | draw(st.integers(0, 6)) | draw(st.sampled_from((0, 0, 0, 0x20)))
        out += bytes([first, kind]) + (words & 0xFFFF).to_bytes(2, "big") + body
    return out


def is_rtp(datagram: bytes) -> bool:
    """Say whether all that the header tells has room in the datagram (RFC 3550 section 5.1)."""
    if len(datagram) < 12 or datagram[0] >> 6 != 2:
        return False
    end = 12 + 4 * (datagram[0] & 0x0F)
    if datagram[0] & 0x10:
        if len(datagram) < end + 4:
            return False
        end += 4 + 4 * int.from_bytes(datagram[end + 2 : end + 4], "big")
    room = len(datagram) - end
    return room >= 0 and (not datagram[0] & 0x20 or 0 < datagram[-1] <= room)


@given(st.one_of(st.binary(max_size=200), HEADERS))
@settings(max_examples=600, deadline=None)
def test_rtp(datagram: bytes) -> None:
    try:
        packet = parse_rtp(datagram)
    except RtpSyntaxError:
        assert not is_rtp(datagram)
        return
    assert is_rtp(datagram)
    assert parse_rtp(build_rtp(packet)) == packet
    assert len(packet.payload) <= len(datagram) - 12


@given(st.one_of(st.binary(max_size=200), compounds()))
@settings(max_examples=600, deadline=None)
def test_rtcp(datagram: bytes) -> None:
    try:
        packets = parse_rtcp(datagram)
    except RtpSyntaxError:
        return
    named = (ReceiverReport(1), *packets, SourceDescription.of_cname(1, "x"))
    assert parse_rtcp(build_rtcp(named)) == named


@given(
    st.lists(
        st.builds(
            OtherRtcp,
            st.sampled_from((192, 199, 205, 206, 207, 223)),
            st.integers(0, 31),
            st.binary(max_size=60).map(lambda body: body + bytes(-len(body) % 4)),
        ),
        min_size=1,
        max_size=64,
    ),
    st.binary(max_size=3),
)
def test_rtcp_that_is_framed_well_is_read(packets: list[OtherRtcp], behind: bytes) -> None:
    datagram = b""
    for packet in packets:
        words = (len(packet.body) // 4).to_bytes(2, "big")
        datagram += bytes([0x80 | packet.count, packet.packet_type]) + words + packet.body
    assert parse_rtcp(datagram + behind) == tuple(packets)


@given(st.lists(st.tuples(st.binary(max_size=12), st.integers(0, 0xFFFFFFFF)), max_size=20))
@settings(max_examples=200, deadline=None)
def test_events(payloads: list[tuple[bytes, int]]) -> None:
    receiver = DigitReceiver(period_ns=Nanoseconds(20_000_000))
    starts = ends = 0
    for now_ns, (payload, timestamp) in enumerate(payloads):
        packet = RtpPacket(101, False, 0, RtpTimestamp(timestamp), 7, payload)
        try:
            told = receiver.handle_packet(packet, Nanoseconds(now_ns))
        except RtpSyntaxError:
            continue
        ends += sum(isinstance(event, DigitEnded) for event in told)
        starts += sum(not isinstance(event, DigitEnded) for event in told)
        assert starts - ends == receiver.is_down
    ends += len(receiver.handle_timeout(Nanoseconds(1 << 62)))
    assert starts == ends


@given(st.sampled_from(("application/dtmf", "application/dtmf-relay", "x")), st.binary(max_size=99))
@settings(max_examples=300, deadline=None)
def test_info_digits(content_type: str, body: bytes) -> None:
    for prefix in (b"", b"Signal="):
        try:
            outcome: str | int = parse_info_digit(content_type, prefix + body).digit
        except InfoDigitError as refused:
            outcome = refused.sip_status
        assert outcome in {400, 415, *"0123456789*#ABCD"}
