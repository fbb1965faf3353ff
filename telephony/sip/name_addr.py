"""Addresses: Contact, From, To, Route, Record-Route, Refer-To, Referred-By and their kin."""

import re
from dataclasses import dataclass, replace

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    LWS,
    PARAMETERS,
    QUOTED_STRING,
    SWS,
    TOKEN_CHARACTERS,
    Parameterized,
    Parameters,
    format_parameters,
    parse_parameters,
    quote_string,
    set_parameter,
    unquote_string,
)
from telephony.sip.uri import Uri, parse_uri

__all__ = ["NameAddr", "parse_name_addr"]

DISPLAY_WORD = rf"[{TOKEN_CHARACTERS}\x80-\U0010ffff]++"

# name-addr = [ display-name ] LAQUOT addr-spec RAQUOT
_NAME_ADDR = re.compile(
    rf"({QUOTED_STRING}|{DISPLAY_WORD}(?:{LWS}{DISPLAY_WORD})*+)?+{SWS}<([^<>]++)>({PARAMETERS})"
)
# Outside angle brackets a semicolon begins a header parameter, and a comma or a question mark is
# an error (RFC 3261 section 20.10).
_ADDR_SPEC = re.compile(rf"([^<>;,?\" \t]++)({PARAMETERS})")


@dataclass(frozen=True, slots=True)
class NameAddr(Parameterized):
    """A URI with a name to show and header parameters.

    Source: RFC 3261 section 20.10.

    Attributes:
        display_name: Without quotes and quoted-pairs; None where there is none.
        uri: Whom it names.
        parameters: Of the header field, not of the URI, as on the wire.
    """

    display_name: str | None
    uri: Uri
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value, always in angle brackets."""
        name = "" if self.display_name is None else quote_string(self.display_name) + " "
        return f"{name}<{self.uri}>{format_parameters(self.parameters)}"

    @property
    def tag(self) -> str | None:
        """The dialog identifier of this side; None where there is none."""
        return self.parameter("tag")

    def with_tag(self, tag: str) -> "NameAddr":
        """Give a copy with this tag."""
        return replace(self, parameters=set_parameter(self.parameters, "tag", tag))


def parse_name_addr(text: str) -> NameAddr:
    """Read one address.

    Raises:
        SipSyntaxError: It is neither a name-addr nor an addr-spec.
    """
    match = _NAME_ADDR.fullmatch(text)
    if match is not None:
        name, uri, parameters = match.groups()
        shown = unquote_string(name) if name else None
        address = NameAddr(shown, parse_uri(uri), parse_parameters(parameters))
    else:
        match = _ADDR_SPEC.fullmatch(text)
        if match is None:
            raise SipSyntaxError(f"{clip(text)} is not an address")
        uri, parameters = match.groups()
        address = NameAddr(None, parse_uri(uri), parse_parameters(parameters))
    if '"' in parameters and any(_is_quoted_tag(*pair) for pair in address.parameters):
        raise SipSyntaxError(f"{clip(text)} has a tag that is no token")
    return address


def _is_quoted_tag(name: str, value: str | None) -> bool:
    """Find what `tag-param = "tag" EQUAL token` forbids and generic-param would allow."""
    return name.lower() == "tag" and value is not None and value[0] == '"'
