"""What an endpoint knows of its addresses: the socket of a request, and how others reach it."""

from dataclasses import replace

import pytest

from telephony.sip import EndpointSettings, ListenAddress

FIRST = ListenAddress("UDP", "192.0.2.1", 5060)
SECOND = ListenAddress("UDP", "192.0.2.2", 5060)
SECOND_AGAIN = ListenAddress("UDP", "192.0.2.2", 5070)
SECOND_TCP = ListenAddress("TCP", "192.0.2.2", 5060)
V6 = ListenAddress("UDP", "2001:db8::1", 5060)
ELSEWHERE = ListenAddress("UDP", "192.0.2.3", 5060)
SOCKETS = (FIRST, SECOND, SECOND_AGAIN, SECOND_TCP, V6)
SETTINGS = EndpointSettings(
    advertised={"UDP": ("198.51.100.1", 5060), "TCP": ("198.51.100.1", 5060)},
    sockets={one: (one.host, one.port + 1) for one in SOCKETS},
)


@pytest.mark.parametrize(
    ("transport", "host", "near", "socket"),
    [
        ("UDP", "192.0.2.9", None, FIRST),
        ("UDP", "2001:db8::9", None, V6),
        ("TCP", "2001:db8::9", None, None),
        ("UDP", "192.0.2.9", SECOND, SECOND),
        ("UDP", "192.0.2.9", SECOND_AGAIN, SECOND_AGAIN),
        ("UDP", "192.0.2.9", SECOND_TCP, SECOND),
        ("TCP", "192.0.2.9", SECOND_AGAIN, SECOND_TCP),
        ("TCP", "2001:db8::9", SECOND, None),
        ("UDP", "2001:db8::9", SECOND, V6),
    ],
)
def test_a_request_belongs_to_the_socket_of_its_session_where_that_fits(
    transport: str, host: str, near: ListenAddress | None, socket: ListenAddress | None
) -> None:
    assert SETTINGS.socket_towards(transport, host, near) == socket


def test_without_sockets_a_session_keeps_its_own() -> None:
    settings = replace(SETTINGS, sockets={})
    assert settings.socket_towards("UDP", "192.0.2.9", SECOND) == SECOND
    assert settings.socket_towards("TCP", "192.0.2.9", SECOND) is None
    assert settings.socket_towards("UDP", "192.0.2.9", None) is None


def test_others_reach_us_at_the_socket_or_as_advertised() -> None:
    assert SETTINGS.reached_at("UDP", SECOND) == ("192.0.2.2", 5061)
    assert SETTINGS.reached_at("TCP", SECOND) == ("198.51.100.1", 5060)
    assert SETTINGS.reached_at("UDP", ELSEWHERE) == ("198.51.100.1", 5060)
    assert SETTINGS.reached_at("UDP", None) == ("198.51.100.1", 5060)
    with pytest.raises(KeyError):
        SETTINGS.reached_at("TLS", None)
