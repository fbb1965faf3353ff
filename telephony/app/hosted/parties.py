"""Who calls whom, as far as the SIP header fields tell that a provider passes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from telephony.sip import NameAddr, SipSyntaxError, SipUri, TelUri, parse_name_addr

__all__ = ["Parties", "parties"]


@dataclass(frozen=True, slots=True)
class Parties:
    """The two ends of a call; text of the caller's is untrusted.

    Attributes:
        number: What was dialled: the user part of To, or its whole URI where there is none.
        caller: The same of From.
        caller_name: The display name of From.
    """

    number: str = ""
    caller: str = ""
    caller_name: str = ""


def parties(headers: Sequence[tuple[str, str]]) -> Parties:
    """Read From and To; what is absent, or no address, is empty."""
    to, from_ = _address(headers, "to", "t"), _address(headers, "from", "f")
    name = from_.display_name if from_ is not None else None
    return Parties(_user(to), _user(from_), name or "")


def _address(headers: Sequence[tuple[str, str]], *names: str) -> NameAddr | None:
    """Read the first header field of a name, its short form (RFC 3261 section 7.3.3) included."""
    found = next((value for name, value in headers if name.strip().lower() in names), None)
    if found is None:
        return None
    try:
        return parse_name_addr(found.strip())
    except SipSyntaxError:
        return None


def _user(address: NameAddr | None) -> str:
    match address:
        case None:
            return ""
        case NameAddr(uri=SipUri(user=str(user))):
            return user
        case NameAddr(uri=TelUri(number=number)):
            return number
        case NameAddr(uri=uri):
            return str(uri)
