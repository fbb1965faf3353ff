"""Who may read the calls: who knows the token or, where there is none, programs of this machine."""

import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from telephony.config import is_loopback

__all__ = ["HEALTH_PATH", "guard"]

HEALTH_PATH = "/healthz"
"""Open to all: a load balancer holds no secret, and it tells nothing of calls."""


def guard(token: str | None, webhooks: Collection[str] = ()) -> Middleware:
    """Make the check that every request passes before it is looked at.

    Metrics are behind it, too: they tell how many call, and which tools fail.

    Args:
        token: What `Authorization: Bearer` must show. None: the server listens on loopback only,
            and the Host must be this machine's. A page that a browser was led to may have its own
            name resolve to 127.0.0.1 (DNS rebinding), and would read the calls; its Host tells.
        webhooks: Paths that are open to all, as what comes there is signed, and tells nothing.
    """
    open_to_all = {HEALTH_PATH, *webhooks}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in open_to_all:
            return await handler(request)
        if token is None:
            if not _names_this_machine(request.host):
                text = "not a name of this machine; for others set token in [http]\n"
                raise web.HTTPForbidden(text=text)
        elif not _shows(request.headers.get("Authorization", ""), token):
            raise web.HTTPUnauthorized(
                text="wanted the token of [http] as Authorization: Bearer TOKEN\n",
                headers={"WWW-Authenticate": 'Bearer realm="telephony"'},
            )
        return await handler(request)

    return check


def _names_this_machine(host_and_port: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host_and_port}").hostname or "")
    except ValueError:
        return False


def _shows(authorization: str, token: str) -> bool:
    """Compare in a time that tells nothing of the token."""
    scheme, _, shown = authorization.partition(" ")
    # What is no UTF-8 stands in a header as surrogates.
    shown_octets = shown.strip().encode("utf-8", "surrogateescape")
    return scheme.lower() == "bearer" and hmac.compare_digest(shown_octets, token.encode())
