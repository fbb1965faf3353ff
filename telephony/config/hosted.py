"""Settings of calls that a provider holds."""

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field

from telephony.config.secret import SecretReference
from telephony.config.section import SECTION

__all__ = ["HostedSettings", "StoreSettings"]

MAX_SECRETS: Final = 8
WEBHOOK_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
OUR_PATHS: Final = ("/healthz", "/metrics", "/calls")
"""What the web server has there already, and behind it."""


def _check_path(text: str) -> str:
    if WEBHOOK_PATH.fullmatch(text) is None:
        raise ValueError('wanted a path such as "/webhooks/realtime"')
    if any(text == path or text.startswith(f"{path}/") for path in OUR_PATHS):
        raise ValueError("wanted a path that is not the web server's own")
    return text


def _check_api(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
        parts = urlsplit("")
    if not is_right or parts.query or parts.fragment:
        raise ValueError("wanted an http:// or https:// URL without a query")
    if "@" in parts.netloc:
        raise ValueError("wanted no user or password in it: the key is the api_key of its realtime")
    return text


class HostedSettings(BaseModel):
    """A provider that answers calls by itself, tells us of each by a webhook, and holds it.

    Its console is given `https://OUR.HOST` and the path, and gives a secret.
    """

    model_config = SECTION

    secrets: Annotated[tuple[SecretReference, ...], Field(min_length=1, max_length=MAX_SECRETS)]
    """The secrets that its webhooks are signed with; any of them will do, so that one can be
    replaced by the next. Each is `whsec_` and base64."""
    realtime: str | None = None
    """The `[realtime.NAME]` whose sessions its calls are; the first of the file by default."""
    path: Annotated[str, AfterValidator(_check_path)] = "/webhooks/realtime"
    """Where its webhooks come to, at the address of `[http]`. They need no token: they are
    signed."""
    api: Annotated[str, AfterValidator(_check_api)] | None = None
    """The URL of its calls API; by default `/calls` behind the URL of its realtime."""


class StoreSettings(BaseModel):
    """What outlives the process."""

    model_config = SECTION

    path: Path = Path("telephony.sqlite3")
    """The SQLite file in which hosted calls are noted until they are over, so that a restart takes
    them on; it is made where there is a `[hosted.NAME]`. Processes of one machine may share it, and
    with it their calls; it cannot be on a network file system."""
