r"""The productions of RFC 3261 section 25.1 that every other module is built of.

Each production is a regular expression under the RFC's own name. They match *unfolded* text: by
then the only white space left is SP and HTAB. Quantifiers are possessive wherever what follows
cannot begin with what they took, so that no input makes a match take more than linear time.

Deviations, each because a peer that phones through it exists:
    host: a label may hold "_" and the last one may begin with a digit (container host names).
    display-name: octets beyond ASCII need no quotes (gateways that copy a caller's name).
    gen-value: any mix of token characters, ":", "[" and "]" (a `received` address of IPv6).
"""

import re
from urllib.parse import unquote_to_bytes

from telephony.sip.errors import SipSyntaxError, clip

__all__ = [
    "HOST",
    "LWS",
    "MAX_LIST_VALUES",
    "MAX_PARAMETERS",
    "PARAMETERS",
    "QUOTED_STRING",
    "SWS",
    "TOKEN",
    "TOKEN_CHARACTERS",
    "Parameterized",
    "Parameters",
    "find_parameter",
    "format_parameters",
    "is_token",
    "parse_number",
    "parse_parameters",
    "quote_string",
    "set_parameter",
    "split_list",
    "unescape",
    "unquote_string",
]

MAX_PARAMETERS = 64
"""Parameters of one value: the longest real Contact has about twelve."""

MAX_LIST_VALUES = 256
"""Values of one comma list: a Via per hop, and Max-Forwards allows 255 hops."""

Parameters = tuple[tuple[str, str | None], ...]
"""Parameters in order, as they stand on the wire: a flag has None, a quoted value its quotes."""

TOKEN_CHARACTERS = r"A-Za-z0-9\-.!%*_+`'~"  # noqa: S105 - a production, no password
LWS = r"[ \t]++"
SWS = r"[ \t]*+"
TOKEN = rf"[{TOKEN_CHARACTERS}]++"
QUOTED_STRING = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[^\r\n])*+"'
DOMAIN_LABEL = r"[A-Za-z0-9_]++(?:-++[A-Za-z0-9_]++)*+"
IPV6_REFERENCE = r"\[[0-9A-Fa-f:.]{2,45}+\]"
HOST = rf"(?:{DOMAIN_LABEL}(?:\.{DOMAIN_LABEL})*+\.?+|{IPV6_REFERENCE})"
GEN_VALUE = rf"(?:[{TOKEN_CHARACTERS}:\[\]]++|{QUOTED_STRING})"
PARAMETERS = rf"(?:{SWS};{SWS}{TOKEN}(?:{SWS}={SWS}{GEN_VALUE})?+)*+"

_TOKEN = re.compile(TOKEN)
_DIGITS = re.compile(r"[0-9]++")
_PARAMETER = re.compile(rf";{SWS}({TOKEN})(?:{SWS}={SWS}({GEN_VALUE}))?+")
_LIST_ELEMENT = re.compile(rf"(?:[^\",<]++|{QUOTED_STRING}|<[^<>]*+>)++")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTED_PAIR = re.compile(r'["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]')


class Parameterized:
    """What every value with `;name=value` parameters behind it (generic-param) can tell of them."""

    __slots__ = ()
    parameters: Parameters

    def parameter(self, name: str) -> str | None:
        """Give a parameter's value without quotes; "" for a flag, None where it is absent."""
        return find_parameter(self.parameters, name)

    def has_parameter(self, name: str) -> bool:
        """Say whether a parameter is there, with a value or as a flag."""
        return find_parameter(self.parameters, name) is not None


def find_parameter(parameters: Parameters, name: str) -> str | None:
    """Find a parameter by its lower-case name: its value, "" for a flag, None if absent."""
    for known, value in parameters:
        if known == name or known.lower() == name:
            if value is None:
                return ""
            return unquote_string(value) if value[0] == '"' else value
    return None


def parse_parameters(text: str) -> Parameters:
    """Take apart text that has matched `PARAMETERS`.

    Raises:
        SipSyntaxError: A name appears twice (RFC 3261 section 7.3.1), or there are too many.
    """
    if not text:
        return ()
    found = _PARAMETER.findall(text)
    if len(found) > 1:
        if len(found) > MAX_PARAMETERS:
            raise SipSyntaxError(f"{len(found)} parameters where {MAX_PARAMETERS} are allowed")
        if len({name.lower() for name, _ in found}) < len(found):
            raise SipSyntaxError(f"a parameter appears twice in {clip(text)}")
    return tuple([(name, value or None) for name, value in found])


def set_parameter(parameters: Parameters, name: str, value: str | None = None) -> Parameters:
    """Give parameters in which one has this value, in its old place or at the end."""
    lowered = name.lower()
    if all(known.lower() != lowered for known, _ in parameters):
        return (*parameters, (name, value))
    return tuple([(k, value if k.lower() == lowered else v) for k, v in parameters])


def format_parameters(parameters: Parameters) -> str:
    """Write parameters as `;name=value;flag`."""
    if not parameters:
        return ""
    return "".join(
        [f";{name}" if value is None else f";{name}={value}" for name, value in parameters]
    )


def is_token(text: str) -> bool:
    """Say whether a text is a token."""
    return _TOKEN.fullmatch(text) is not None


def parse_number(text: str, maximum: int) -> int:
    """Read 1*DIGIT, leading zeros included, up to a maximum.

    Raises:
        SipSyntaxError: It is not a decimal number, or it is larger than `maximum`.
    """
    if _DIGITS.fullmatch(text) is None:
        raise SipSyntaxError(f"{clip(text)} is not a decimal number")
    significant = text.lstrip("0") or "0"
    if len(significant) > len(str(maximum)) or int(significant) > maximum:
        raise SipSyntaxError(f"{clip(text)} is larger than {maximum}")
    return int(significant)


def split_list(text: str) -> list[str]:
    """Split a comma list outside quotes and angle brackets; an empty text has no values.

    Source: RFC 3261 section 7.3.1.

    Raises:
        SipSyntaxError: A value is empty, a quote or a bracket stays open, or there are too many.
    """
    if not text:
        return []
    if "," not in text:
        return [text]
    values: list[str] = []
    position = 0
    while True:
        element = _LIST_ELEMENT.match(text, position)
        value = element.group().strip(" \t") if element else ""
        if not element or not value:
            raise SipSyntaxError(f"an empty or broken value in the list {clip(text)}")
        values.append(value)
        position = element.end()
        if position == len(text):
            return values
        if text[position] != "," or len(values) == MAX_LIST_VALUES:
            raise SipSyntaxError(f"a broken or overlong list {clip(text)}")
        position += 1


def quote_string(text: str) -> str:
    """Write text as a quoted-string."""
    return '"' + _NEEDS_QUOTED_PAIR.sub(r"\\\g<0>", text) + '"'


def unquote_string(text: str) -> str:
    """Read a quoted-string; text that is none comes back as it is."""
    if text[:1] != '"':
        return text
    inside = text[1:-1]
    return _QUOTED_PAIR.sub(r"\1", inside) if "\\" in inside else inside


def unescape(text: str) -> str:
    """Undo every %HH; octets that are not UTF-8 survive as surrogate escapes."""
    if "%" not in text:
        return text
    octets = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return octets.decode("utf-8", "surrogateescape")
