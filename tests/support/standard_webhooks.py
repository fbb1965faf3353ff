"""Signs webhooks as a provider does, after the specification and by other means than ours."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

SECRET = "whsec_" + base64.b64encode(b"a secret of a test").decode()
"""What both sides know."""


def signature(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """Give the entry `v1,...` of a signature header."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = b".".join([webhook_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def signed_headers(
    body: bytes, webhook_id: str = "evt_1", *, secret: str = SECRET, sent_s: float | None = None
) -> dict[str, str]:
    """Give the three header fields."""
    timestamp = str(int(time.time() if sent_s is None else sent_s))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, webhook_id, timestamp, body),
        "Content-Type": "application/json",
    }


def incoming_body(
    call_id: str = "rtc_1", headers: Sequence[tuple[str, str]] = (), webhook_id: str = "evt_1"
) -> bytes:
    """Give the body that tells of a call."""
    event: dict[str, Any] = {
        "object": "event",
        "id": webhook_id,
        "type": "realtime.call.incoming",
        "created_at": int(time.time()),
        "data": {
            "call_id": call_id,
            "sip_headers": [{"name": name, "value": value} for name, value in headers],
            "sip_media_security": "srtp",
        },
    }
    return json.dumps(event).encode()
