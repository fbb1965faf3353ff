"""What a user agent server checks before it looks at what a request wants.

Source: RFC 3261 section 8.2. Merged requests, dialogs and capacity are the endpoint's.
"""

from typing import NamedTuple

from telephony.sip.message import Request
from telephony.sip.settings import EndpointSettings
from telephony.sip.uri import OtherUri

__all__ = ["Refusal", "examine_content", "examine_method", "examine_require"]

SDP = "application/sdp"

KNOWN_METHODS = frozenset(
    {
        "ACK",
        "BYE",
        "CANCEL",
        "INFO",
        "INVITE",
        "MESSAGE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "PUBLISH",
        "REFER",
        "REGISTER",
        "SUBSCRIBE",
        "UPDATE",
    }
)
"""The IANA registry of SIP methods; any other is answered 501."""

WITH_SDP = frozenset({"INVITE", "UPDATE"})


class Refusal(NamedTuple):
    """An answer that refuses a request.

    Attributes:
        status: 400 to 699.
        headers: What has to go with it.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()


def examine_method(request: Request, settings: EndpointSettings) -> Refusal | None:
    """Check method and URI scheme: 501 or 405 with Allow, 416 (sections 8.2.1, 8.2.2.1)."""
    if request.method not in settings.methods:
        status = 405 if request.method in KNOWN_METHODS else 501
        return Refusal(status, (("Allow", ", ".join(settings.methods)),))
    if isinstance(request.uri, OtherUri):
        return Refusal(416)
    return None


def examine_require(request: Request, settings: EndpointSettings) -> Refusal | None:
    """Check Require: 420 with Unsupported (section 8.2.2.3); CANCEL's is ignored."""
    if request.method == "CANCEL" or "Require" not in request.headers:
        return None
    unknown = [tag for tag in request.headers.values("Require") if tag not in settings.supported]
    return Refusal(420, (("Unsupported", ", ".join(unknown)),)) if unknown else None


def examine_content(request: Request) -> Refusal | None:
    """Check the body: 415 with what we take (section 8.2.3), 406 where our answer is not wanted."""
    headers = request.headers
    encodings = [one.lower() for one in headers.values("Content-Encoding")]
    if request.body and any(one != "identity" for one in encodings):
        return Refusal(415, (("Accept-Encoding", "identity"),))
    if request.method not in WITH_SDP:
        return None
    if request.body and not _is_optional(request):
        kind = request.content_type
        if kind is None or kind.essence != SDP:
            return Refusal(415, (("Accept", SDP),))
    if "Accept" in headers:
        ranges = [
            one.partition(";")[0].replace(" ", "").lower() for one in headers.values("Accept")
        ]
        if not any(one in (SDP, "application/*", "*/*") for one in ranges):
            return Refusal(406)
    return None


def _is_optional(request: Request) -> bool:
    disposition = request.headers.get("Content-Disposition") or ""
    return "handling=optional" in disposition.replace(" ", "").lower()
