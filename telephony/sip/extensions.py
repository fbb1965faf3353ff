"""Header values that extensions of SIP brought: RFC 3262, 3326, 3891, 4028, 6665."""

import re
from dataclasses import dataclass

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    LWS,
    PARAMETERS,
    TOKEN,
    Parameterized,
    Parameters,
    format_parameters,
    is_token,
    parse_number,
    parse_parameters,
)
from telephony.sip.values import (
    MAX_CSEQ,
    MAX_DELTA_SECONDS,
    CSeq,
    parse_call_id,
    parse_delta_seconds,
)

__all__ = [
    "Event",
    "RAck",
    "Reason",
    "Replaces",
    "SessionExpires",
    "SubscriptionState",
    "parse_event",
    "parse_min_se",
    "parse_rack",
    "parse_reason",
    "parse_replaces",
    "parse_rseq",
    "parse_session_expires",
    "parse_subscription_state",
]

MAX_RESPONSE_NUMBER = 2**32 - 1

_TOKEN_AND_PARAMETERS = re.compile(rf"({TOKEN})({PARAMETERS})")
_RACK = re.compile(rf"([0-9]++){LWS}([0-9]++){LWS}({TOKEN})")
_CALL_ID_AND_PARAMETERS = re.compile(rf"([^; \t]++)({PARAMETERS})")
_REPLACES_OWN = frozenset({"to-tag", "from-tag", "early-only"})


@dataclass(frozen=True, slots=True)
class RAck:
    """Which reliable provisional response a PRACK acknowledges.

    Source: RFC 3262 section 7.2.

    Attributes:
        rseq: The RSeq of the response, 1 to 2**32 - 1.
        cseq: The CSeq of the response.
    """

    rseq: int
    cseq: CSeq

    def __str__(self) -> str:
        """Write the header field's value."""
        return f"{self.rseq} {self.cseq}"


@dataclass(frozen=True, slots=True)
class Reason(Parameterized):
    """Why a request was sent: a call completed elsewhere, a Q.850 cause.

    Source: RFC 3326.

    Attributes:
        protocol: As on the wire, "SIP" or "Q.850" mostly.
        parameters: As on the wire: `cause`, `text` and others.
    """

    protocol: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write one value of the header field."""
        return f"{self.protocol}{format_parameters(self.parameters)}"

    @property
    def cause(self) -> int | None:
        """The cause in the protocol's own numbers; None where it is absent or no number."""
        cause = self.parameter("cause")
        try:
            return parse_number(cause, MAX_DELTA_SECONDS) if cause else None
        except SipSyntaxError:
            return None

    @property
    def text(self) -> str | None:
        """What it says to people; None where it is absent."""
        return self.parameter("text")


@dataclass(frozen=True, slots=True)
class Replaces(Parameterized):
    """The dialog that a new call takes the place of, as seen by the receiver of the header.

    Source: RFC 3891 section 6.1.

    Attributes:
        call_id: Of that dialog.
        to_tag: The receiver's tag in it.
        from_tag: The other side's tag in it.
        early_only: Only an early dialog may be replaced.
        parameters: All others, as on the wire.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value."""
        early = ";early-only" if self.early_only else ""
        tags = f";to-tag={self.to_tag};from-tag={self.from_tag}"
        return f"{self.call_id}{tags}{early}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True)
class SessionExpires(Parameterized):
    """How long a session lives without a refresh.

    Source: RFC 4028 section 4.

    Attributes:
        seconds: 0 to 2**32 - 1; less than 90 deserves a 422.
        refresher: "uac", "uas" or None where it is left open.
        parameters: All others, as on the wire.
    """

    seconds: int
    refresher: str | None = None
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value."""
        refresher = "" if self.refresher is None else f";refresher={self.refresher}"
        return f"{self.seconds}{refresher}{format_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True)
class Event(Parameterized):
    """The event package of a subscription or notification.

    Source: RFC 6665 section 8.2.1.

    Attributes:
        package: As on the wire, "refer" for one; case counts.
        parameters: As on the wire.
    """

    package: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value."""
        return f"{self.package}{format_parameters(self.parameters)}"

    @property
    def id(self) -> str | None:
        """Which of several subscriptions; the CSeq number of its REFER. None where absent."""
        return self.parameter("id")


@dataclass(frozen=True, slots=True)
class SubscriptionState(Parameterized):
    """How a subscription stands.

    Source: RFC 6665 section 4.1.3.

    Attributes:
        state: Lower case: "active", "pending", "terminated" or an extension.
        parameters: As on the wire: `expires`, `reason`, `retry-after` and others.
    """

    state: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        """Write the header field's value."""
        return f"{self.state}{format_parameters(self.parameters)}"

    @property
    def reason(self) -> str | None:
        """Why it ended, "noresource" for one; None where absent."""
        return self.parameter("reason")

    @property
    def expires(self) -> int | None:
        """Seconds left; None where absent.

        Raises:
            SipSyntaxError: It is no number.
        """
        return self._seconds("expires")

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait before subscribing again; None where absent.

        Raises:
            SipSyntaxError: It is no number.
        """
        return self._seconds("retry-after")

    def _seconds(self, name: str) -> int | None:
        text = self.parameter(name)
        return None if text is None else parse_delta_seconds(text)


def parse_rseq(text: str) -> int:
    """Read an RSeq, 1 to 2**32 - 1 (RFC 3262 section 7.1).

    Raises:
        SipSyntaxError: It is none.
    """
    number = parse_number(text, MAX_RESPONSE_NUMBER)
    if number == 0:
        raise SipSyntaxError("an RSeq of 0")
    return number


def parse_rack(text: str) -> RAck:
    """Read an RAck.

    Raises:
        SipSyntaxError: It is none.
    """
    match = _RACK.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not an RAck")
    return RAck(parse_rseq(match[1]), CSeq(parse_number(match[2], MAX_CSEQ), match[3]))


def parse_reason(text: str) -> Reason:
    """Read one value of a Reason header field.

    Raises:
        SipSyntaxError: It is none.
    """
    return Reason(*_token_and_parameters(text))


def parse_event(text: str) -> Event:
    """Read an Event.

    Raises:
        SipSyntaxError: It is none.
    """
    return Event(*_token_and_parameters(text))


def parse_subscription_state(text: str) -> SubscriptionState:
    """Read a Subscription-State.

    Raises:
        SipSyntaxError: It is none.
    """
    state, parameters = _token_and_parameters(text)
    return SubscriptionState(state.lower(), parameters)


def parse_replaces(text: str) -> Replaces:
    """Read a Replaces, from a header field or unescaped from a Refer-To URI.

    Raises:
        SipSyntaxError: It is none, or does not have both tags.
    """
    match = _CALL_ID_AND_PARAMETERS.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a Replaces")
    parameters = parse_parameters(match[2])
    known = {name.lower(): value for name, value in parameters}
    to_tag, from_tag = known.get("to-tag"), known.get("from-tag")
    if not (to_tag and from_tag and is_token(to_tag) and is_token(from_tag)):
        raise SipSyntaxError("a Replaces without to-tag or from-tag (RFC 3891 section 6.1)")
    others = tuple([pair for pair in parameters if pair[0].lower() not in _REPLACES_OWN])
    return Replaces(parse_call_id(match[1]), to_tag, from_tag, "early-only" in known, others)


def parse_session_expires(text: str) -> SessionExpires:
    """Read a Session-Expires.

    Raises:
        SipSyntaxError: It is none, or its refresher is neither "uac" nor "uas".
    """
    seconds, parameters = _seconds_and_parameters(text)
    others: list[tuple[str, str | None]] = []
    refresher = None
    for name, value in parameters:
        if name.lower() != "refresher":
            others.append((name, value))
            continue
        refresher = (value or "").lower()
        if refresher not in ("uac", "uas"):
            raise SipSyntaxError(f"refresher {clip(refresher)} (RFC 4028 section 4)")
    return SessionExpires(seconds, refresher, tuple(others))


def parse_min_se(text: str) -> int:
    """Read a Min-SE in seconds; its parameters mean nothing yet (RFC 4028 section 5).

    Raises:
        SipSyntaxError: It is none.
    """
    return _seconds_and_parameters(text)[0]


def _token_and_parameters(text: str) -> tuple[str, Parameters]:
    match = _TOKEN_AND_PARAMETERS.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a token with parameters")
    return match[1], parse_parameters(match[2])


def _seconds_and_parameters(text: str) -> tuple[int, Parameters]:
    seconds, parameters = _token_and_parameters(text)
    return parse_delta_seconds(seconds), parameters
