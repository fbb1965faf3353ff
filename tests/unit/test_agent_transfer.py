"""A transfer's declaration."""

from typing import Any

import pytest

from telephony.agent import Transfer
from telephony.errors import ConfigurationError


def test_transfer_has_the_defaults_of_a_blind_one() -> None:
    transfer = Transfer("operator", to="sip:200@pbx.example.com")
    assert (transfer.mode, transfer.announce, transfer.timeout_s) == ("blind", None, 32.0)


@pytest.mark.parametrize(
    "target",
    [
        "sip:200@pbx.example.com",
        "SIPS:200@pbx.example.com;transport=tcp",
        "tel:+15551234567",
        "sip:operator@[2001:db8::1]:5070",
    ],
)
def test_target_is_a_uri_that_can_be_called(target: str) -> None:
    assert Transfer("operator", to=target).to == target


@pytest.mark.parametrize(
    "target",
    ["", "200", "sip:", "http://x", "sip:a b@c", "sip:a@b\r\nX: y", "sip:a@b>", "sip:caf\u00e9@b"],
)
def test_target_that_is_none_is_refused(target: str) -> None:
    with pytest.raises(ConfigurationError, match="transfer 'operator': to is "):
        Transfer("operator", to=target)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "the operator"}, "name of a transfer is 'the operator', wanted 1 to 52"),
        ({"name": "o" * 53}, "wanted 1 to 52"),
        ({"mode": "attended"}, "mode is 'attended', wanted 'blind'"),
        ({"mode": "bridge"}, "mode is 'bridge', wanted 'blind'"),
        ({"timeout_s": 0}, "timeout_s is 0, wanted above 0 to 300"),
        ({"timeout_s": 301}, "timeout_s is 301, wanted above 0 to 300"),
    ],
)
def test_value_that_cannot_be_used_is_refused(values: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"name": "operator", "to": "sip:200@pbx.example.com", **values}
    with pytest.raises(ConfigurationError, match=message):
        Transfer(**given)
