"""The header fields of subscriptions (RFC 6665)."""

from collections.abc import Callable

import pytest

from telephony.sip.errors import SipSyntaxError
from telephony.sip.subscription import (
    Event,
    SubscriptionState,
    parse_event,
    parse_subscription_state,
)

WIRE: list[tuple[Callable[[str], object], str, object]] = [
    (parse_event, "refer", Event("refer")),
    (parse_event, "presence.winfo;id=93", Event("presence.winfo", (("id", "93"),))),
    (
        parse_subscription_state,
        "terminated;reason=noresource",
        SubscriptionState("terminated", (("reason", "noresource"),)),
    ),
]


@pytest.mark.parametrize(("parse", "text", "value"), WIRE)
def test_a_value_is_read_and_written(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value
    assert str(value) == text


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *[(parse_event, text) for text in ("", "a b", "a;")],
        *[(parse_subscription_state, text) for text in ("", "active,pending")],
    ],
)
def test_a_bad_value_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse(text)


def test_the_parameters_of_a_subscription() -> None:
    state = parse_subscription_state("Active;expires=60;reason=giveup")
    assert (state.state, state.expires, state.parameter("reason")) == ("active", 60, "giveup")
    assert parse_subscription_state("terminated").expires is None
    with pytest.raises(SipSyntaxError):
        _ = parse_subscription_state("pending;expires=x").expires


def test_which_subscription_an_event_is_of() -> None:
    assert parse_event("refer;id=7").id == "7"
    assert parse_event("refer").id is None
