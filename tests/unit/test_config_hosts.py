"""Which hosts are this machine."""

import pytest

from telephony.config import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.0.1", "::1", "localhost", "LOCALHOST"])
def test_this_machine_is_known_by_its_own_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "8.8.8.8", "::", "192.0.2.1", "localhost.example", "127.1"])
def test_anything_else_may_be_another(host: str) -> None:
    assert not is_loopback(host)
