"""Edits of SIP messages that a relay between two user agents makes, so that all passes through it.

It acts as a stateless proxy (RFC 3261 section 16.11): adds its Via to a request, takes it off the
response. Beyond a proxy it names itself in Contact and in the SDP, which puts it in the path of the
later requests and of the media, too.
"""

import re
import zlib
from collections.abc import Callable

Address = tuple[str, int]

_CONTACT_ADDRESS = re.compile(r"(sips?:(?:[^@>;]+@)?)[^;>:\s]+(?::\d+)?")
_MEDIA_LINE = re.compile(r"m=audio (\d+) ")
_CONNECTION_LINE = re.compile(r"c=IN IP4 (\S+)")


def is_message(data: bytes) -> bool:
    """Tell a SIP message from a keep-alive or from garbage."""
    first_line = data.partition(b"\r\n")[0]
    return first_line.startswith(b"SIP/2.0 ") or first_line.endswith(b" SIP/2.0")


def header(data: bytes, name: str, compact: str = "") -> str:
    """Give the first value of a header; empty when it is absent."""
    names = {name.lower(), compact.lower()} - {""}
    for line in data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")[1:]:
        label, colon, value = line.partition(":")
        if colon and label.strip().lower() in names:
            return value.strip()
    return ""


def relayed(
    data: bytes, *, own: Address, next_hop: Address, media: Callable[[str, Address], Address]
) -> bytes:
    """Give the message as it leaves the relay.

    Args:
        data: One whole SIP message.
        own: The relay's address on the side the message leaves by.
        next_hop: Where it goes; a request that names the relay in its URI then names this.
        media: Called with the Call-ID and the address at which the sender wants its audio; gives
            the address of the relay that the receiver shall send to instead.
    """
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    call_id = header(data, "Call-ID", "i")
    if lines[0].startswith("SIP/2.0 "):
        lines = _without_first_via(lines)
    else:
        lines[0] = _CONTACT_ADDRESS.sub(_substitute(next_hop), lines[0], count=1)
        lines.insert(1, _own_via(data, own))
    if "application/sdp" in header(data, "Content-Type", "c").lower():
        body = _sdp_through(body.decode(), lambda sender: media(call_id, sender)).encode()
    lines = [_own_line(line, own, len(body)) for line in lines]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def _substitute(address: Address) -> str:
    return rf"\g<1>{address[0]}:{address[1]}"


def _own_via(data: bytes, own: Address) -> str:
    branch = zlib.crc32(header(data, "Via", "v").encode() + header(data, "CSeq").encode())
    return f"Via: SIP/2.0/UDP {own[0]}:{own[1]};branch=z9hG4bKrelay{branch:08x}"


def _without_first_via(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines[1:], start=1):
        label, _, value = line.partition(":")
        if label.strip().lower() in ("via", "v"):
            others = value.partition(",")[2]
            kept = [f"Via:{others}"] if others else []
            return [*lines[:index], *kept, *lines[index + 1 :]]
    return lines


def _own_line(line: str, own: Address, body_length: int) -> str:
    label = line.partition(":")[0].strip().lower()
    if label in ("contact", "m"):
        return _CONTACT_ADDRESS.sub(_substitute(own), line, count=1)
    if label in ("content-length", "l"):
        return f"Content-Length: {body_length}"
    return line


def _sdp_through(body: str, media: Callable[[Address], Address]) -> str:
    connection = _CONNECTION_LINE.search(body)
    audio = _MEDIA_LINE.search(body)
    if connection is None or audio is None or audio[1] == "0":
        return body
    host, port = media((connection[1], int(audio[1])))
    body = _MEDIA_LINE.sub(f"m=audio {port} ", body, count=1)
    if connection[1] != "0.0.0.0":  # noqa: S104 - the old way to say hold (RFC 3264 section 8.4)
        body = _CONNECTION_LINE.sub(f"c=IN IP4 {host}", body)
    return re.sub(r"a=rtcp:[^\r\n]*\r?\n", "", body)
