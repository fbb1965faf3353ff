"""Whether a webhook comes from whom it claims.

Source: Standard Webhooks 1.0 (`webhook-id`, `webhook-timestamp`, `webhook-signature`), of which
only the symmetric signature `v1` is taken.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from telephony.errors import ConfigurationError

__all__ = ["TOLERANCE_SECONDS", "SignatureFault", "Signed", "signature_fault", "signing_key"]

TOLERANCE_SECONDS: Final = 300
"""How far the time of sending may be from ours, either way."""
PREFIX: Final = "whsec_"
VERSION: Final = "v1,"
SECONDS: Final = re.compile(r"[0-9]{1,12}")
MAX_SIGNATURES: Final = 16
"""A sender has one for each secret in rotation; all are compared, so their number is bounded."""


class SignatureFault(StrEnum):
    """Why a webhook is not believed."""

    UNSIGNED = "unsigned"
    STALE = "stale"
    WRONG = "wrong_signature"


@dataclass(frozen=True, slots=True)
class Signed:
    """The three header fields of a webhook, as they came; empty where there was none.

    Attributes:
        webhook_id: Of the webhook: the same when it is sent again.
        timestamp: When it was sent, in whole Unix seconds.
        signatures: `VERSION,BASE64`, separated by blanks.
    """

    webhook_id: str
    timestamp: str
    signatures: str


def signing_key(secret: str) -> bytes:
    """Give the key that a secret means: base64 behind `whsec_`, else its own octets.

    Raises:
        ConfigurationError: What follows `whsec_` is not base64, or there is nothing; the secret
            itself is not repeated.
    """
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        key = b64decode(secret.removeprefix(PREFIX).encode(), validate=True)
    except (Base64Error, UnicodeEncodeError):
        key = b""
    if not key:
        raise ConfigurationError("the secret is malformed, wanted whsec_ and base64 behind it")
    return key


def signature_fault(
    signed: Signed, body: bytes, keys: Sequence[bytes], now_s: float
) -> SignatureFault | None:
    """Say why a webhook is not believed; None where it is.

    Args:
        signed: Its header fields.
        body: Its octets as they came.
        keys: Any of them will do: while secrets are rotated there are two.
        now_s: Now, in Unix seconds.
    """
    if not (signed.webhook_id and signed.timestamp and signed.signatures):
        return SignatureFault.UNSIGNED
    message = f"{signed.webhook_id}.{signed.timestamp}.".encode("utf-8", "surrogateescape") + body
    if not _matches(message, _given(signed.signatures), keys):
        return SignatureFault.WRONG
    # What was sent is known now to be the sender's own word.
    if SECONDS.fullmatch(signed.timestamp) is None:
        return SignatureFault.WRONG
    if abs(now_s - int(signed.timestamp)) > TOLERANCE_SECONDS:
        return SignatureFault.STALE
    return None


def _given(signatures: str) -> list[bytes]:
    """Give the signatures of the version we know; others are for other readers."""
    entries = signatures.split(" ")[:MAX_SIGNATURES]
    known = (one.removeprefix(VERSION) for one in entries if one.startswith(VERSION))
    return [one.encode("utf-8", "surrogateescape") for one in known]


def _matches(message: bytes, given: Sequence[bytes], keys: Sequence[bytes]) -> bool:
    """Compare each with each, in a time that tells nothing of any."""
    is_right = False
    for key in keys:
        wanted = b64encode(hmac.new(key, message, hashlib.sha256).digest())
        for one in given:
            is_right |= hmac.compare_digest(wanted, one)
    return is_right
