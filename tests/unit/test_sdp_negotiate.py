"""Offer and answer: what is agreed, and the exact lines that say so."""

import pytest

from telephony.errors import LocalError, RemoteError
from telephony.sdp import (
    PCMA,
    PCMU,
    TELEPHONE_EVENT,
    Codec,
    Direction,
    LocalMedia,
    SdpNegotiationError,
    SessionDescription,
    TransportAddress,
    accept_answer,
    answer,
    offer,
    parse_description,
)

LOCAL = LocalMedia("192.0.2.10", 16384, 7)
LOCAL_6 = LocalMedia("2001:db8::10", 16384, 7)
G722 = Codec(9, "G722", 8000)
OPUS = Codec(111, "opus", 48000, 2, fmtp="useinbandfec=1")
CN = Codec(13, "CN", 8000)


def describe(*lines: str, address: str = "IN IP4 198.51.100.7") -> SessionDescription:
    """Make the peer's description from its media lines."""
    head = ("v=0", f"o=peer 5 1 {address}", "s=-", f"c={address}", "t=0 0")
    return parse_description("".join(f"{line}\r\n" for line in (*head, *lines)).encode())


def media_lines(description: SessionDescription) -> list[str]:
    """Give the m-lines of a description."""
    return [str(media).partition("\r\n")[0] for media in description.media]


PLAIN = describe("m=audio 4000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000")


def test_answer_is_written_with_the_offer_s_first_common_codec() -> None:
    assert answer(PLAIN, LOCAL).answer.to_bytes() == (
        b"v=0\r\n"
        b"o=- 7 1 IN IP4 192.0.2.10\r\n"
        b"s=-\r\n"
        b"c=IN IP4 192.0.2.10\r\n"
        b"t=0 0\r\n"
        b"m=audio 16384 RTP/AVP 8 96\r\n"
        b"a=rtpmap:8 PCMA/8000\r\n"
        b"a=rtpmap:96 telephone-event/8000\r\n"
        b"a=fmtp:96 0-15\r\n"
        b"a=ptime:20\r\n"
        b"a=sendrecv\r\n"
    )


def test_answer_agrees_on_all_that_media_needs() -> None:
    audio = answer(PLAIN, LOCAL).audio
    assert audio.remote == TransportAddress("198.51.100.7", 4000)
    assert audio.remote_rtcp == TransportAddress("198.51.100.7", 4001)
    assert audio.send_codec == PCMA
    assert audio.receive_codecs == (PCMA,)
    assert (audio.telephone_event_send, audio.telephone_event_receive) == (96, 96)
    assert audio.comfort_noise_receive is None
    assert (audio.sends, audio.receives, audio.on_hold) == (True, True, False)
    assert audio.ptime_ms == 20


def test_static_payload_types_without_a_map_are_agreed() -> None:
    audio = answer(describe("m=audio 4000 RTP/AVP 18 0"), LOCAL).audio
    assert audio.send_codec == PCMU
    assert (audio.telephone_event_send, audio.telephone_event_receive) == (None, None)


def test_name_is_compared_without_regard_to_case_and_keeps_the_offer_s_number() -> None:
    offered = describe("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcma/8000")
    assert answer(offered, LOCAL).audio.send_codec == Codec(97, "PCMA", 8000)


def test_every_other_stream_is_refused_in_its_place() -> None:
    offered = describe(
        "m=video 4010 RTP/AVP 99",
        "m=audio 4000/2 RTP/AVP 0",
        "m=image 4012 udptl t38",
        "m=audio 4014 RTP/AVP 8",
        "m=audio 0 RTP/AVP",
    )
    assert media_lines(answer(offered, LOCAL).answer) == [
        "m=video 0 RTP/AVP 99",
        "m=audio 16384 RTP/AVP 0",
        "m=image 0 udptl t38",
        "m=audio 0 RTP/AVP 8",
        "m=audio 0 RTP/AVP",
    ]


def test_plain_stream_is_taken_beside_one_with_keys() -> None:
    offered = describe("m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0")
    negotiated = answer(offered, LOCAL)
    assert media_lines(negotiated.answer) == ["m=audio 0 RTP/SAVP 0", "m=audio 16384 RTP/AVP 0"]
    assert negotiated.audio.remote.port == 4002


def test_feedback_profile_is_answered_as_offered() -> None:
    offered = describe("m=audio 4000 RTP/AVPF 0")
    assert media_lines(answer(offered, LOCAL).answer) == ["m=audio 16384 RTP/AVPF 0"]


def test_telephone_event_is_taken_on_the_clock_of_the_speech() -> None:
    events = (
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:126 telephone-event/8000",
    )
    own_events = Codec(102, "telephone-event", 48000, fmtp="0-15")
    both = LocalMedia("192.0.2.10", 16384, 7, codecs=(OPUS, PCMU, TELEPHONE_EVENT, own_events))
    narrow = answer(describe("m=audio 4000 RTP/AVP 0 111 110 126", *events), both).audio
    assert (narrow.send_codec, narrow.telephone_event_send) == (PCMU, 126)
    wide = answer(describe("m=audio 4000 RTP/AVP 111 0 110 126", *events), both).audio
    assert wide.receive_codecs == (OPUS,)
    assert (wide.send_codec, wide.telephone_event_send) == (Codec(111, "opus", 48000, 2), 110)


def test_parameters_are_those_of_the_side_that_receives() -> None:
    offered = describe("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 OPUS/48000/2", "a=fmtp:96 usedtx=1")
    negotiated = answer(offered, LocalMedia("192.0.2.10", 16384, 7, codecs=(OPUS,)))
    assert negotiated.answer.media[0].attribute("fmtp") == "96 useinbandfec=1"
    assert negotiated.audio.send_codec == Codec(96, "opus", 48000, 2, fmtp="usedtx=1")


def test_comfort_noise_is_agreed_where_we_list_it() -> None:
    local = LocalMedia("192.0.2.10", 16384, 7, codecs=(PCMU, CN))
    negotiated = answer(describe("m=audio 4000 RTP/AVP 0 13"), local)
    assert media_lines(negotiated.answer) == ["m=audio 16384 RTP/AVP 0 13"]
    assert negotiated.audio.comfort_noise_receive == 13


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ((), 304),
        (("m=image 4000 udptl t38",), 304),
        (("m=audio 0 RTP/AVP 0",), 304),
        (("m=audio 4000 RTP/SAVP 0",), 302),
        (("m=audio 4000 RTP/AVP 18 101", "a=rtpmap:101 telephone-event/8000"), 305),
        (("m=audio 4000 RTP/AVP 101 13", "a=rtpmap:101 telephone-event/8000"), 305),
        (("m=audio 4000 RTP/AVP 96",), 305),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::7"), 301),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP4 media.example.com"), 301),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"), 330),
        (("m=audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 18"), 302),
    ],
)
def test_no_agreement_is_488_with_its_warning(lines: tuple[str, ...], warning: int) -> None:
    with pytest.raises(SdpNegotiationError) as caught:
        answer(describe(*lines), LOCAL)
    assert isinstance(caught.value, RemoteError)
    assert (caught.value.sip_status, caught.value.warning) == (488, warning)


def test_both_families_are_spoken() -> None:
    offered = describe("m=audio 4000 RTP/AVP 0", address="IN IP6 2001:db8::7")
    negotiated = answer(offered, LOCAL_6)
    assert negotiated.audio.remote == TransportAddress("2001:db8::7", 4000)
    assert str(negotiated.answer.connection) == "IN IP6 2001:db8::10"
    assert negotiated.answer.origin.address_type == "IP6"
    with pytest.raises(SdpNegotiationError, match="wanted an IP4 address"):
        answer(offered, LOCAL)


@pytest.mark.parametrize(
    ("theirs", "ours", "answered", "sends", "receives", "on_hold"),
    [
        ("sendrecv", "sendrecv", "sendrecv", True, True, False),
        ("sendonly", "sendrecv", "recvonly", False, True, True),
        ("recvonly", "sendrecv", "sendonly", True, False, False),
        ("inactive", "sendrecv", "inactive", False, False, True),
        ("sendrecv", "sendonly", "sendonly", True, False, False),
        ("sendonly", "sendonly", "inactive", False, False, True),
        ("recvonly", "recvonly", "inactive", False, False, False),
    ],
)
def test_answer_s_direction_is_the_complement(
    theirs: str, ours: str, answered: str, sends: bool, receives: bool, on_hold: bool
) -> None:
    local = LocalMedia("192.0.2.10", 16384, 7, direction=Direction(ours))
    negotiated = answer(describe("m=audio 4000 RTP/AVP 0", f"a={theirs}"), local)
    audio = negotiated.audio
    assert negotiated.answer.media[0].stated_direction is Direction(answered)
    assert audio.direction is Direction(answered)
    assert audio.remote_direction is Direction(theirs)
    assert (audio.sends, audio.receives, audio.on_hold) == (sends, receives, on_hold)


@pytest.mark.parametrize(("local", "address"), [(LOCAL, "IN IP4 0.0.0.0"), (LOCAL_6, "IN IP6 ::")])
def test_hold_by_the_address_zero_stops_all_that_we_send(local: LocalMedia, address: str) -> None:
    audio = answer(describe("m=audio 4000 RTP/AVP 0", address=address), local).audio
    assert (audio.sends, audio.receives, audio.on_hold) == (False, True, True)
    assert audio.remote_rtcp is None


def test_session_level_hold_counts() -> None:
    offered = describe("a=sendonly", "m=audio 4000 RTP/AVP 0")
    assert answer(offered, LOCAL).audio.on_hold


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ((), 20),
        (("a=ptime:30",), 30),
        (("a=ptime:50",), 40),
        (("a=ptime:200",), 60),
        (("a=ptime:5",), 10),
        (("a=maxptime:10",), 10),
        (("a=ptime:60", "a=maxptime:30"), 30),
        (("a=ptime:x", "a=maxptime:40"), 20),
    ],
)
def test_packet_length_is_what_the_peer_wants_of_those_we_have(
    lines: tuple[str, ...], wanted: int
) -> None:
    negotiated = answer(describe("m=audio 4000 RTP/AVP 0", *lines), LOCAL)
    assert negotiated.audio.ptime_ms == wanted
    assert negotiated.answer.ptime_ms_for(negotiated.answer.media[0]) == wanted


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (("a=rtcp:5001",), TransportAddress("198.51.100.7", 5001)),
        (("a=rtcp:5001 IN IP4 198.51.100.8",), TransportAddress("198.51.100.8", 5001)),
        (("a=rtcp:5001 IN IP4 0.0.0.0",), TransportAddress("198.51.100.7", 5001)),
        (("a=rtcp:5001 IN IP6 2001:db8::1",), TransportAddress("198.51.100.7", 5001)),
        (("b=RS:0", "b=RR:0"), None),
        (("b=RS:0",), TransportAddress("198.51.100.7", 4001)),
    ],
)
def test_rtcp_goes_where_the_peer_wants_it(
    lines: tuple[str, ...], wanted: TransportAddress | None
) -> None:
    offered = describe("m=audio 4000 RTP/AVP 0", *lines)
    assert answer(offered, LOCAL).audio.remote_rtcp == wanted


def test_highest_port_leaves_no_room_for_rtcp() -> None:
    assert answer(describe("m=audio 65535 RTP/AVP 0"), LOCAL).audio.remote_rtcp is None


def test_answer_repeats_the_offer_s_timing() -> None:
    offered = parse_description(PLAIN.to_bytes().replace(b"t=0 0", b"t=3034423619 3042462419"))
    assert answer(offered, LOCAL).answer.first("t") == "3034423619 3042462419"


def test_version_stays_while_nothing_changes_and_grows_by_one_when_something_does() -> None:
    first = answer(PLAIN, LOCAL).answer
    assert answer(PLAIN, LOCAL, first).answer is first
    held = describe("m=audio 4000 RTP/AVP 8 0 96", "a=rtpmap:96 telephone-event/8000", "a=sendonly")
    second = answer(held, LOCAL, first).answer
    assert str(second.origin) == "- 7 2 IN IP4 192.0.2.10"
    assert answer(PLAIN, LOCAL, second).answer.origin.version == 3


def test_origin_keeps_its_address_when_ours_changes() -> None:
    first = answer(PLAIN, LOCAL).answer
    moved = answer(PLAIN, LocalMedia("192.0.2.11", 16384, 7), first).answer
    assert str(moved.origin) == "- 7 2 IN IP4 192.0.2.10"
    assert str(moved.connection) == "IN IP4 192.0.2.11"


def test_offer_lists_every_codec() -> None:
    assert offer(LOCAL).to_bytes() == (
        b"v=0\r\n"
        b"o=- 7 1 IN IP4 192.0.2.10\r\n"
        b"s=-\r\n"
        b"c=IN IP4 192.0.2.10\r\n"
        b"t=0 0\r\n"
        b"m=audio 16384 RTP/AVP 0 8 101\r\n"
        b"a=rtpmap:0 PCMU/8000\r\n"
        b"a=rtpmap:8 PCMA/8000\r\n"
        b"a=rtpmap:101 telephone-event/8000\r\n"
        b"a=fmtp:101 0-15\r\n"
        b"a=ptime:20\r\n"
        b"a=sendrecv\r\n"
    )


def test_offer_again_is_the_same_and_a_hold_is_the_next_version() -> None:
    first = offer(LOCAL)
    assert offer(LOCAL, first) is first
    held = offer(LocalMedia("192.0.2.10", 16384, 7, direction=Direction.SENDONLY), first)
    assert held.origin.version == 2
    assert held.media[0].stated_direction is Direction.SENDONLY


def test_offer_after_an_answer_keeps_places_and_payload_types() -> None:
    offered = describe(
        "m=image 4012 udptl t38",
        "m=audio 4000 RTP/AVP 8 96 101",
        "a=rtpmap:96 telephone-event/8000",
        "a=rtpmap:101 G722/8000",
    )
    previous = answer(offered, LOCAL).answer
    again = offer(LOCAL, previous)
    assert media_lines(again) == ["m=image 0 udptl t38", "m=audio 16384 RTP/AVP 0 8 96"]
    assert again.origin.version == 2


def test_payload_type_taken_by_another_codec_is_not_used_again() -> None:
    offered = describe("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 G722/8000")
    local = LocalMedia("192.0.2.10", 16384, 7, codecs=(G722, PCMU, TELEPHONE_EVENT))
    previous = answer(offered, local).answer
    codecs = offer(local, previous).media[0].codecs
    assert [codec.rtpmap for codec in codecs] == [
        "101 G722/8000",
        "0 PCMU/8000",
        "96 telephone-event/8000",
    ]


def test_answer_to_our_offer_gives_payload_types_each_way() -> None:
    answered = describe(
        "m=audio 4000 RTP/AVP 8 0 97",
        "a=rtpmap:97 telephone-event/8000",
        "a=ptime:30",
    )
    audio = accept_answer(offer(LOCAL), answered)
    assert audio.send_codec == PCMA
    assert audio.receive_codecs == (PCMU, PCMA)
    assert (audio.telephone_event_send, audio.telephone_event_receive) == (97, 101)
    assert audio.remote == TransportAddress("198.51.100.7", 4000)
    assert audio.ptime_ms == 30


def test_answer_without_digits_agrees_on_none() -> None:
    audio = accept_answer(offer(LOCAL), describe("m=audio 4000 RTP/AVP 0"))
    assert (audio.telephone_event_send, audio.telephone_event_receive) == (None, None)
    assert audio.receive_codecs == (PCMU,)


@pytest.mark.parametrize(
    ("ours", "theirs", "direction", "on_hold"),
    [
        ("sendrecv", "sendrecv", "sendrecv", False),
        ("sendrecv", "sendonly", "recvonly", True),
        ("sendrecv", "inactive", "inactive", True),
        ("sendonly", "recvonly", "sendonly", False),
        ("sendonly", "sendrecv", "sendonly", False),
        ("sendonly", "inactive", "inactive", True),
        ("inactive", "inactive", "inactive", False),
        ("recvonly", "sendonly", "recvonly", False),
    ],
)
def test_answer_to_our_hold_does_not_hold_us(
    ours: str, theirs: str, direction: str, on_hold: bool
) -> None:
    ours_now = offer(LocalMedia("192.0.2.10", 16384, 7, direction=Direction(ours)))
    audio = accept_answer(ours_now, describe("m=audio 4000 RTP/AVP 0", f"a={theirs}"))
    assert audio.direction is Direction(direction)
    assert audio.on_hold is on_hold


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ((), 304),
        (("m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 99"), 304),
        (("m=audio 0 RTP/AVP 0",), 304),
        (("m=image 4000 udptl t38",), 304),
        (("m=audio 4000 RTP/SAVP 0",), 302),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::7"), 301),
        (("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"), 330),
        (("m=audio 4000 RTP/AVP 18",), 305),
        (("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), 305),
    ],
)
def test_answer_that_does_not_fit_our_offer_is_refused(
    lines: tuple[str, ...], warning: int
) -> None:
    with pytest.raises(SdpNegotiationError) as caught:
        accept_answer(offer(LOCAL), describe(*lines))
    assert (caught.value.sip_status, caught.value.warning) == (488, warning)


def test_description_without_audio_is_not_one_of_ours() -> None:
    stranger = describe("m=image 4000 udptl t38", "m=audio 0 RTP/AVP 0")
    with pytest.raises(LocalError):
        accept_answer(stranger, PLAIN)
    with pytest.raises(LocalError):
        offer(LOCAL, stranger)


def test_two_of_us_agree_with_each_other() -> None:
    caller = LocalMedia("192.0.2.1", 4000, 1, ptime_ms=30)
    callee = LocalMedia("192.0.2.2", 5000, 2)
    ours = offer(caller)
    negotiated = answer(ours, callee)
    audio = accept_answer(ours, negotiated.answer)
    assert audio.send_codec == negotiated.audio.send_codec == PCMU
    assert audio.receive_codecs == negotiated.audio.receive_codecs
    assert audio.remote == TransportAddress("192.0.2.2", 5000)
    assert negotiated.audio.remote == TransportAddress("192.0.2.1", 4000)
    assert audio.ptime_ms == negotiated.audio.ptime_ms == 30
    assert audio.telephone_event_send == negotiated.audio.telephone_event_receive == 101
