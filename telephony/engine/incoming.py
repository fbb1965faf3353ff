"""What the app is told of a call that comes in: who calls whom, in the INVITE's own words."""

from collections.abc import Iterable

from telephony.call import CallIncoming, Capability, ReceiveHosted
from telephony.engine.legs import source_of
from telephony.sip import IncomingInvite, SipUri, TelUri, Uri

__all__ = ["describe", "describe_hosted"]

MAX_HEADERS_TOLD = 64
OWN_HEADERS = frozenset(
    {
        "allow",
        "authorization",
        "call-id",
        "contact",
        "content-length",
        "content-type",
        "cseq",
        "from",
        "max-forwards",
        "proxy-authorization",
        "record-route",
        "require",
        "route",
        "supported",
        "to",
        "user-agent",
        "via",
    }
)
"""Header fields of the protocol itself, which routing has no use for."""


def describe(invite: IncomingInvite, capabilities: Iterable[Capability]) -> CallIncoming:
    """Say who calls whom; text of the caller's is passed on as it is, and untrusted."""
    request, source = invite.request, source_of(invite)
    return CallIncoming(
        number=_user_of(request.uri),
        to=str(request.to.uri),
        caller=_user_of(request.from_.uri),
        caller_name=request.from_.display_name or "",
        source=f"{source[0]}:{source[1]}",
        sip_call_id=request.call_id,
        headers=tuple(
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in OWN_HEADERS
        )[:MAX_HEADERS_TOLD],
        capabilities=tuple(sorted(one.value for one in capabilities)),
    )


def describe_hosted(told: ReceiveHosted, capabilities: Iterable[Capability]) -> CallIncoming:
    """Say who calls whom by way of a provider, as that says; all of it is untrusted."""
    return CallIncoming(
        way="hosted",
        number=told.number,
        to=told.number,
        caller=told.caller,
        caller_name=told.caller_name,
        source=told.server,
        hosted_id=told.hosted_id,
        headers=told.headers[:MAX_HEADERS_TOLD],
        capabilities=tuple(sorted(one.value for one in capabilities)),
    )


def _user_of(uri: Uri) -> str:
    match uri:
        case SipUri(user=user):
            return user or str(uri)
        case TelUri(number=number):
            return number
        case _:
            return str(uri)
