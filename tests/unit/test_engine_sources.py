"""Whose calls are let in."""

import pytest

from telephony.engine.sources import AllowedSources

TRUNKS = AllowedSources(["192.0.2.0/24", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "192.0.2.7",
        "::ffff:192.0.2.7",
        "2001:db8:1::5",
    ],
)
def test_this_machine_and_the_networks_named_are_let_in(host: str) -> None:
    assert host in TRUNKS


@pytest.mark.parametrize(
    "host", ["192.0.3.7", "::", "2001:db8:2::1", "::ffff:198.51.100.1", "fe80::1%eth0"]
)
def test_nobody_else_is(host: str) -> None:
    assert host not in TRUNKS


def test_without_networks_only_this_machine_is() -> None:
    assert "127.0.0.1" in AllowedSources([])
    assert "192.0.2.7" not in AllowedSources([])
