"""Addresses as they are written."""

import pytest

from telephony.app.addresses import host_in_uri


@pytest.mark.parametrize(("host", "written"), [("::1", "[::1]"), ("127.0.0.1", "127.0.0.1")])
def test_an_address_is_written_as_a_uri_wants_it(host: str, written: str) -> None:
    assert host_in_uri(host) == written
