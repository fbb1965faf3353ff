"""Octets to a description and back, within limits."""

from pathlib import Path

import pytest

from telephony.sdp import SdpSyntaxError, parse_description

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus" / "sdp"
HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"


def corpus_files() -> list[Path]:
    """List the corpus, or nothing where a checkout lacks it."""
    return sorted(CORPUS.glob("*.sdp"))


@pytest.mark.skipif(not corpus_files(), reason="no shared corpus beside this checkout")
def test_corpus_is_written_back_octet_for_octet() -> None:
    for path in corpus_files():
        data = path.read_bytes()
        assert parse_description(data).to_bytes() == data, path.name


@pytest.mark.parametrize(
    "data",
    [
        HEAD,
        HEAD.replace(b"\r\n", b"\n"),
        HEAD + b"\r\n",
        HEAD + b"\r\n\n\n",
        HEAD[:-2],
        HEAD[:-1],
        HEAD + b"s=\xff\xfe caf\xc3\xa9\r\nx=unknown\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n",
        HEAD + b"a=odd  blanks : kept \r\n==\r\n",
    ],
)
def test_unchanged_description_is_written_back_octet_for_octet(data: bytes) -> None:
    assert parse_description(data).to_bytes() == data


def test_sections_begin_at_each_media_line() -> None:
    sections = b"m=audio 0 RTP/AVP 0\r\na=mid:1\r\nm=image 0 udptl t38\r\nm=video 0 RTP/AVP 99\r\n"
    description = parse_description(HEAD + b"s=-\r\n" + sections)
    assert [media.kind for media in description.media] == ["audio", "image", "video"]
    assert [len(media.lines) for media in description.media] == [2, 1, 1]
    assert len(description.lines) == 3


def test_fax_port_range_and_multicast_are_read() -> None:
    description = parse_description(
        HEAD + b"c=IN IP4 224.2.1.1/127\r\nm=image 4002 udptl t38\r\nm=audio 4000/2 RTP/AVP 0\r\n"
    )
    assert description.connection is not None
    assert description.connection.multicast_suffix == "127"
    assert description.media[1].port_count == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n" + HEAD,
        b"INVITE",
        b"v\r\n",
        b"v=0",
        HEAD + b"no line\r\n",
        HEAD + b"a=nul\0\r\n",
        HEAD + b"a=carriage\rreturn\r\n",
        HEAD + b"m=audio 4000 RTP/AVP 0\r\n",
        HEAD + b"a=" + b"x" * 8191 + b"\r\n",
        HEAD + b"a=x\r\n" * 1999,
        HEAD + b"m=audio 0 RTP/AVP 0\r\n" * 33,
        HEAD + (b"a=" + b"x" * 8000 + b"\r\n") * 5,
    ],
)
def test_what_is_no_description_is_answered_400(data: bytes) -> None:
    with pytest.raises(SdpSyntaxError) as caught:
        parse_description(data)
    assert caught.value.sip_status == 400


def test_limits_are_inclusive() -> None:
    for body in (b"a=" + b"x" * 8190 + b"\r\n", b"a=x\r\n" * 1998):
        assert parse_description(HEAD + body).to_bytes() == HEAD + body
    assert len(parse_description(HEAD + b"m=audio 0 RTP/AVP 0\r\n" * 32).media) == 32
