"""Offer and answer for one audio stream: pure functions from descriptions to an agreement.

Whoever calls keeps the description it sent last and hands it back as `previous`, so that the
version, the number of m-lines and the payload types stay what RFC 3264 section 8 demands.

We answer with one speech codec, so a peer cannot switch codecs in mid-stream, and with the
telephone-event and comfort noise of its clock. An offer lists all. Every stream but the one audio
is refused with port 0.

Source: RFC 3264 sections 5 to 8, RFC 6337, RFC 4733 section 2.5.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from telephony.errors import LocalError
from telephony.sdp.agreement import (
    PTIMES_MS,
    AgreedAudio,
    LocalMedia,
    Negotiated,
    SdpNegotiationError,
    TransportAddress,
)
from telephony.sdp.description import Line, MediaDescription, SessionDescription
from telephony.sdp.values import MAX_PAYLOAD_TYPE, MAX_PORT, Codec, Connection, Direction, Origin

__all__ = ["accept_answer", "answer", "offer"]

PROTOCOLS: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
"""RTP without keys. AVPF is answered as AVPF: with no `rtcp-fb` agreed it asks for nothing more."""
FIRST_DYNAMIC_PAYLOAD_TYPE: Final = 96

WARNING_ADDRESS: Final = 301
WARNING_TRANSPORT: Final = 302
WARNING_NO_MEDIA: Final = 304
WARNING_NO_FORMAT: Final = 305
WARNING_MULTICAST: Final = 330


def answer(
    offered: SessionDescription, local: LocalMedia, previous: SessionDescription | None = None
) -> Negotiated:
    """Answer an offer (RFC 3264 section 6).

    Args:
        offered: The peer's offer.
        local: What we can do.
        previous: The description we sent last in this dialog, offer or answer; None at first.

    Raises:
        SdpNegotiationError: The offer holds no audio that we can take; the session stays as it was.
    """
    index, codecs = _choose_audio(offered, local)
    theirs = offered.media[index]
    sections = [_refuse(media) for media in offered.media]
    sections[index] = _audio_section(
        local.port,
        theirs.protocol,
        codecs,
        ptime_ms=_ptime_to_send(offered, theirs, local.ptime_ms),
        direction=_common_direction(local.direction, offered.direction_for(theirs)),
    )
    ours = _describe(local, sections, previous, timing=offered.first("t"))
    return Negotiated(ours, _agree(ours, offered, index, is_offered=True))


def offer(local: LocalMedia, previous: SessionDescription | None = None) -> SessionDescription:
    """Make an offer: in an INVITE, in the 200 to one without, or to change a running session.

    Args:
        local: What we want.
        previous: The description we sent last in this dialog, offer or answer; None at first. Its
            m-lines keep their places and its payload types their meaning (RFC 3264 section 8).

    Raises:
        LocalError: `previous` is not a description that this module made.
    """
    sections: list[MediaDescription] = []
    index, protocol, bound = 0, "RTP/AVP", tuple[Codec, ...]()
    if previous is not None:
        sections = [_refuse(media) for media in previous.media]
        index = _active_audio(previous)
        protocol, bound = previous.media[index].protocol, previous.media[index].codecs
    sections[index : index + 1] = [
        _audio_section(
            local.port,
            protocol,
            _keep_payload_types(local.codecs, bound),
            ptime_ms=local.ptime_ms,
            direction=local.direction,
        )
    ]
    return _describe(local, sections, previous)


def accept_answer(our_offer: SessionDescription, answered: SessionDescription) -> AgreedAudio:
    """Read the peer's answer to an offer of ours (RFC 3264 section 7).

    Args:
        our_offer: What `offer` gave.
        answered: What came back, in a 2xx, a provisional response or an ACK.

    Raises:
        SdpNegotiationError: The peer refused the audio, or its answer does not fit the offer.
        LocalError: `our_offer` is not a description that this module made.
    """
    index = _active_audio(our_offer)
    if len(answered.media) != len(our_offer.media):
        raise SdpNegotiationError(
            f"the answer has {len(answered.media)} m-lines, wanted {len(our_offer.media)}"
            " (RFC 3264 section 6)",
            warning=WARNING_NO_MEDIA,
        )
    ours, theirs = our_offer.media[index], answered.media[index]
    if theirs.kind != "audio" or not theirs.port:
        raise SdpNegotiationError("the answer refuses the audio", warning=WARNING_NO_MEDIA)
    if theirs.protocol.upper() != ours.protocol.upper():
        raise SdpNegotiationError(
            f"the answer is {theirs.protocol[:40]!a}, wanted {ours.protocol}",
            warning=WARNING_TRANSPORT,
        )
    _check_address(answered, theirs, our_offer.connection_for(ours).address)
    if not any(codec.is_speech for codec in _sendable(theirs.codecs, ours.codecs)):
        raise _no_common_codec(theirs.codecs, ours.codecs)
    return _agree(our_offer, answered, index, is_offered=False)


def _agree(
    ours: SessionDescription, theirs: SessionDescription, index: int, *, is_offered: bool
) -> AgreedAudio:
    """Conclude from both descriptions, already found to fit, what may be sent either way.

    Args:
        ours: Our offer or answer.
        theirs: The peer's answer or offer.
        index: Of the audio's m-line in both.
        is_offered: Whether `theirs` is the offer. A peer that answers a hold of ours without
            receiving does not thereby hold us.
    """
    our_audio, their_audio = ours.media[index], theirs.media[index]
    our_direction, remote_direction = (
        ours.direction_for(our_audio),
        theirs.direction_for(their_audio),
    )
    direction = _common_direction(our_direction, remote_direction)
    connection = theirs.connection_for(their_audio)
    has_address = connection.ip is not None and not connection.ip.is_unspecified
    sendable = _sendable(their_audio.codecs, our_audio.codecs)
    receivable = [codec for codec in our_audio.codecs if _find(codec, their_audio.codecs)]
    speech = next(codec for codec in sendable if codec.is_speech)
    is_held = not remote_direction.receives and (is_offered or our_direction.sends)
    return AgreedAudio(
        remote=TransportAddress(connection.address, their_audio.port),
        remote_rtcp=_rtcp_address(theirs, their_audio, connection.ip),
        remote_direction=remote_direction,
        direction=direction,
        sends=direction.sends and has_address,
        receives=direction.receives,
        on_hold=is_held or not has_address,
        send_codec=speech,
        receive_codecs=tuple(codec for codec in receivable if codec.is_speech),
        telephone_event_send=_payload_type(_telephone_event(sendable, speech)),
        telephone_event_receive=_payload_type(_telephone_event(receivable, speech)),
        comfort_noise_receive=_payload_type(_comfort_noise(receivable, speech)),
        ptime_ms=_ptime_to_send(theirs, their_audio, ours.ptime_ms_for(our_audio) or PTIMES_MS[0]),
    )


def _choose_audio(offered: SessionDescription, local: LocalMedia) -> tuple[int, list[Codec]]:
    """Find the first audio stream that we can take, and the codecs to answer it with.

    Raises:
        SdpNegotiationError: There is none; says why the first audio stream was not.
    """
    refusal: SdpNegotiationError | None = None
    for index, media in enumerate(offered.media):
        if media.kind == "audio" and media.port:
            try:
                if media.protocol.upper() not in PROTOCOLS:
                    raise SdpNegotiationError(
                        f"the audio is {media.protocol[:40]!a}, wanted RTP/AVP",
                        warning=WARNING_TRANSPORT,
                    )
                _check_address(offered, media, local.address)
                return index, _codecs_to_answer(media.codecs, local.codecs)
            except SdpNegotiationError as error:
                refusal = refusal or error
    raise refusal or SdpNegotiationError("the offer has no audio", warning=WARNING_NO_MEDIA)


def _codecs_to_answer(offered: Sequence[Codec], ours: Sequence[Codec]) -> list[Codec]:
    """Choose the offer's first common speech codec, and what goes with it.

    They keep the offer's payload types; their parameters are ours, who will receive them.
    """
    common = [
        replace(own, payload_type=theirs.payload_type)
        for theirs in offered
        if (own := _find(theirs, ours)) is not None
    ]
    speech = next((codec for codec in common if codec.is_speech), None)
    if speech is None:
        raise _no_common_codec(offered, ours)
    beside = (_telephone_event(common, speech), _comfort_noise(common, speech))
    return [speech, *(codec for codec in beside if codec is not None)]


def _telephone_event(codecs: Iterable[Codec], speech: Codec) -> Codec | None:
    """Find the telephone-event on the clock of the speech codec (RFC 4733 section 2.1)."""
    return _beside(codecs, speech, lambda codec: codec.is_telephone_event)


def _comfort_noise(codecs: Iterable[Codec], speech: Codec) -> Codec | None:
    """Find the comfort noise on the clock of the speech codec (RFC 3389 section 4)."""
    return _beside(codecs, speech, lambda codec: codec.is_comfort_noise)


def _beside(
    codecs: Iterable[Codec], speech: Codec, is_wanted: Callable[[Codec], bool]
) -> Codec | None:
    """Find a wanted codec on the clock of the speech codec."""
    return next(
        (codec for codec in codecs if is_wanted(codec) and codec.clock_rate == speech.clock_rate),
        None,
    )


def _payload_type(codec: Codec | None) -> int | None:
    """Give a codec's payload type, where there is a codec."""
    return None if codec is None else codec.payload_type


def _common_direction(ours: Direction, theirs: Direction) -> Direction:
    """Give what is left of our direction when the peer has its own (RFC 3264 section 6.1)."""
    return Direction.of(
        sends=ours.sends and theirs.receives, receives=ours.receives and theirs.sends
    )


def _rtcp_address(
    remote: SessionDescription, theirs: MediaDescription, ip: IPv4Address | IPv6Address | None
) -> TransportAddress | None:
    """Give where RTCP goes: `a=rtcp`, else the port above RTP's.

    None where the peer has no address now, or wants no RTCP: `b=RS:0` with `b=RR:0` (RFC 3556).
    """
    if ip is None or ip.is_unspecified:
        return None
    if remote.bandwidth_for(theirs, "RS") == 0 and remote.bandwidth_for(theirs, "RR") == 0:
        return None
    rtcp = theirs.rtcp
    if rtcp is None:
        return TransportAddress(str(ip), theirs.port + 1) if theirs.port < MAX_PORT else None
    own = ip if rtcp.address is None else ip_address(rtcp.address)
    if own.is_unspecified or own.version != ip.version:
        own = ip
    return TransportAddress(str(own), rtcp.port)


def _ptime_to_send(remote: SessionDescription, theirs: MediaDescription, local_ms: int) -> int:
    """Choose the longest packet length we have within what the peer wants and can take."""
    wanted = remote.ptime_ms_for(theirs) or local_ms
    limit = min(wanted, remote.maxptime_ms_for(theirs) or wanted)
    return max((ptime for ptime in PTIMES_MS if ptime <= limit), default=PTIMES_MS[0])


def _check_address(remote: SessionDescription, media: MediaDescription, local: str) -> None:
    """Refuse an address that our socket cannot send to.

    Raises:
        SdpNegotiationError: Another family, a domain name or a multicast group.
    """
    connection = remote.connection_for(media)
    version = ip_address(local).version
    if connection.ip is None or connection.ip.version != version:
        raise SdpNegotiationError(
            f"the audio is at {connection.address[:60]!a} ({connection.address_type[:20]!a}),"
            f" wanted an IP{version} address",
            warning=WARNING_ADDRESS,
        )
    if connection.ip.is_multicast:
        raise SdpNegotiationError(
            f"the audio is at the multicast group {connection.address}, wanted one host",
            warning=WARNING_MULTICAST,
        )


def _no_common_codec(theirs: Iterable[Codec], ours: Iterable[Codec]) -> SdpNegotiationError:
    """Name what either side has."""
    offered = ", ".join(codec.name[:20] for codec in theirs if codec.is_speech)
    wanted = ", ".join(codec.name for codec in ours if codec.is_speech)
    return SdpNegotiationError(
        f"the peer's codecs are {offered[:200]!a}, wanted one of {wanted}",
        warning=WARNING_NO_FORMAT,
    )


def _find(wanted: Codec, codecs: Iterable[Codec]) -> Codec | None:
    """Give the first of `codecs` that is the same format, or None."""
    return next((codec for codec in codecs if codec.is_same_format(wanted)), None)


def _sendable(theirs: Iterable[Codec], ours: Sequence[Codec]) -> list[Codec]:
    """Give the peer's codecs that we have, by our name, with the peer's number and parameters."""
    return [
        replace(own, payload_type=codec.payload_type, fmtp=codec.fmtp)
        for codec in theirs
        if (own := _find(codec, ours)) is not None
    ]


def _active_audio(ours: SessionDescription) -> int:
    """Find the audio stream in a description of our own.

    Raises:
        LocalError: There is none, so it is not a description that this module made.
    """
    for index, media in enumerate(ours.media):
        if media.kind == "audio" and media.port:
            return index
    raise LocalError("the description has no audio stream in use")


def _keep_payload_types(codecs: Iterable[Codec], bound: Sequence[Codec]) -> list[Codec]:
    """Number codecs so that no payload type changes its meaning (RFC 3264 section 8.3.2)."""
    taken = {codec.payload_type for codec in bound}
    kept: list[Codec] = []
    for codec in codecs:
        same = _find(codec, bound)
        number = codec.payload_type
        if same is not None:
            number = same.payload_type
        elif number in taken:
            dynamic = range(FIRST_DYNAMIC_PAYLOAD_TYPE, MAX_PAYLOAD_TYPE + 1)
            number = next(free for free in dynamic if free not in taken)
        taken.add(number)
        kept.append(replace(codec, payload_type=number))
    return kept


def _audio_section(
    port: int, protocol: str, codecs: Iterable[Codec], *, ptime_ms: int, direction: Direction
) -> MediaDescription:
    """Write our audio's lines."""
    codecs = tuple(codecs)
    numbers = " ".join(str(codec.payload_type) for codec in codecs)
    lines = [Line("m", f"audio {port} {protocol} {numbers}")]
    for codec in codecs:
        lines.append(Line.attribute("rtpmap", codec.rtpmap))
        if codec.fmtp is not None:
            lines.append(Line.attribute("fmtp", f"{codec.payload_type} {codec.fmtp}"))
    lines.append(Line.attribute("ptime", str(ptime_ms)))
    lines.append(Line.attribute(direction.value))
    return MediaDescription(tuple(lines))


def _refuse(media: MediaDescription) -> MediaDescription:
    """Write the m-line that refuses a stream: port 0, all else as offered."""
    words = (media.kind, "0", media.protocol, *media.formats)
    return MediaDescription((Line("m", " ".join(words)),))


def _describe(
    local: LocalMedia,
    sections: Iterable[MediaDescription],
    previous: SessionDescription | None,
    *,
    timing: str | None = None,
) -> SessionDescription:
    """Put a description together, under the origin of the one before.

    Returns `previous` itself where nothing but the version would change; a changed description
    counts one version on (RFC 3264 section 8). `timing` is the offer's `t=`, which an answer
    repeats (section 6).
    """
    connection = Connection.to(local.address)
    media = tuple(sections)

    def under(origin: Origin) -> SessionDescription:
        lines = (
            Line("v", "0"),
            Line("o", str(origin)),
            Line("s", "-"),
            Line("c", str(connection)),
            Line("t", "0 0" if timing is None else timing),
        )
        return SessionDescription(lines, media)

    if previous is None:
        return under(Origin("-", local.session_id, 1, "IN", connection.address_type, local.address))
    if under(previous.origin) == previous:
        return previous
    return under(replace(previous.origin, version=previous.origin.version + 1))
