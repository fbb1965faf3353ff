"""Subscriptions, as NOTIFY speaks of them: the Event and Subscription-State header fields.

Source: RFC 6665.
"""

import re
from dataclasses import dataclass

from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import (
    PARAMETERS,
    TOKEN,
    Parameterized,
    Parameters,
    format_parameters,
    parse_parameters,
)
from telephony.sip.values import parse_delta_seconds

__all__ = ["Event", "SubscriptionState", "parse_event", "parse_subscription_state"]

_TOKEN_AND_PARAMETERS = re.compile(rf"({TOKEN})({PARAMETERS})")


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
    def expires(self) -> int | None:
        """Seconds left; None where absent.

        Raises:
            SipSyntaxError: It is no number.
        """
        expires = self.parameter("expires")
        return None if expires is None else parse_delta_seconds(expires)


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


def _token_and_parameters(text: str) -> tuple[str, Parameters]:
    match = _TOKEN_AND_PARAMETERS.fullmatch(text)
    if match is None:
        raise SipSyntaxError(f"{clip(text)} is not a token with parameters")
    return match[1], parse_parameters(match[2])
