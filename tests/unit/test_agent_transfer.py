"""A transfer's declaration."""

import pytest

from telephony.agent import Transfer
from telephony.errors import ConfigurationError


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
    ("name", "message"),
    [
        ("the operator", "name of a transfer is 'the operator', wanted 1 to 52"),
        ("o" * 53, "wanted 1 to 52"),
    ],
)
def test_name_that_names_no_function_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Transfer(name, to="sip:200@pbx.example.com")
