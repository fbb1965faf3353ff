"""Keys as the body of a SIP INFO request, for peers without telephone-event.

Source: no standard; the two body types that gateways have in common, `application/dtmf-relay`
("Signal=5", "Duration=160") and `application/dtmf` (the key alone).
"""

import re
from typing import NamedTuple

from telephony.errors import RemoteError
from telephony.rtp.telephone_event import DIGITS

__all__ = ["InfoDigit", "InfoDigitError", "parse_info_digit"]

DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"
MAX_BODY_OCTETS = 256
"""A real one has under 40."""
UNSUPPORTED_MEDIA_TYPE = 415
BAD_REQUEST = 400

_FIELD = re.compile(rb"[ \t]*(signal|duration)[ \t]*[=:][ \t]*([0-9A-D*#]{1,5})[ \t]*", re.I)


class InfoDigitError(RemoteError):
    """The peer sent an INFO that names no key; `sip_status` is 415 or 400."""


class InfoDigit(NamedTuple):
    """One key from an INFO request."""

    digit: str
    """0-9, *, #, A-D."""
    duration_ms: int | None
    """None where the body does not say."""


def parse_info_digit(content_type: str, body: bytes) -> InfoDigit:
    """Read the key in an INFO body.

    Args:
        content_type: The Content-Type header's value; parameters are left alone.
        body: As received.

    Raises:
        InfoDigitError: The peer is at fault: another content type (415), or no key (400).
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (DTMF_RELAY, DTMF):
        raise InfoDigitError(
            f"INFO of another type than {DTMF_RELAY} or {DTMF}", sip_status=UNSUPPORTED_MEDIA_TYPE
        )
    if len(body) > MAX_BODY_OCTETS:
        raise InfoDigitError(f"INFO digit of {len(body)} octets", sip_status=BAD_REQUEST)
    fields: dict[str, str] = {}
    for line in body.splitlines():
        if field := _FIELD.fullmatch(line):
            fields[field[1].decode().lower()] = field[2].decode().upper()
    signal = fields.get("signal")
    if signal is None and media_type == DTMF:
        signal = body.strip().decode("ascii", "replace").upper()
    duration = fields.get("duration", "")
    return InfoDigit(_key(signal), int(duration) if duration.isdecimal() else None)


def _key(signal: str | None) -> str:
    """Give the key that a signal names: itself, or its event code, 10 to 15."""
    if signal is not None and len(signal) == 1 and signal in DIGITS:
        return signal
    if signal in {"10", "11", "12", "13", "14", "15"}:
        return DIGITS[int(signal)]
    raise InfoDigitError("INFO names no key 0-9, *, #, A-D", sip_status=BAD_REQUEST)
