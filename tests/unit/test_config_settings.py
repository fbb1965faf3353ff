"""What the values of settings mean."""

import pytest
from pydantic import ValidationError

from telephony.config import (
    HttpSettings,
    LimitSettings,
    LineSettings,
    ListenAddress,
    MediaSettings,
    RealtimeSettings,
    SipSettings,
    TransferSettings,
    TrunkSettings,
)


def test_defaults_are_those_of_the_design() -> None:
    media, limits = MediaSettings(), LimitSettings()
    assert (media.far_buffer_ms, media.reorder_wait_ms) == (40, 60)
    assert (media.starvation_fill_ms, media.starvation_fill_dtx_ms) == (400, 100)
    assert (media.nat, media.media_networks) == (False, ())
    assert (limits.calls, limits.ring_s, limits.session_grant_s) == (280, 60.0, 3.0)


def test_listen_without_a_transport_means_both_and_each_once() -> None:
    sip = SipSettings(
        listen=("192.0.2.1:5060", "tcp:192.0.2.1:5060", "udp:[::1]:5062", "tcp:pbx:0")
    )
    assert sip.listen_addresses == (
        ListenAddress("udp", "192.0.2.1", 5060),
        ListenAddress("tcp", "192.0.2.1", 5060),
        ListenAddress("udp", "::1", 5062),
        ListenAddress("tcp", "pbx", 0),
    )
    assert HttpSettings(listen="[::1]:80").listen_address == ListenAddress("tcp", "::1", 80)


@pytest.mark.parametrize(
    "text", ["", ":5060", "h", "h:65536", "tls:h:5061", "::1:5060", "[h]:5060", "h:5060 ", "h :1"]
)
def test_listen_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="wanted "):
        SipSettings(listen=(text,))
    with pytest.raises(ValidationError, match="wanted "):
        HttpSettings(listen=text)


def test_http_has_one_transport() -> None:
    with pytest.raises(ValidationError, match='wanted "HOST:PORT"'):
        HttpSettings(listen="udp:127.0.0.1:80")


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("16384-32767", range(16384, 32767, 2)),
        ("20000-20001", range(20000, 20001, 2)),
        ("20001-20003", range(20002, 20003, 2)),
        ("65534-65535", range(65534, 65535, 2)),
    ],
)
def test_rtp_ports_are_even_with_an_odd_one_above(text: str, ports: range) -> None:
    found = SipSettings(rtp_ports=text).rtp_port_range
    assert list(found) == list(ports)


@pytest.mark.parametrize(
    "text",
    ["", "20000", "20000-20000", "20001-20002", "30000-20000", "0-100", "65534-65536", "a-b"],
)
def test_rtp_ports_without_a_pair_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match='wanted "LOW-HIGH"'):
        SipSettings(rtp_ports=text)


def test_advertised_address_is_a_number() -> None:
    assert SipSettings(advertise="2001:db8::1").advertise == "2001:db8::1"
    with pytest.raises(ValidationError, match="wanted an IP address"):
        SipSettings(advertise="pbx.example.com")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "x", "10.0.0.0/33"])
def test_network_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="wanted a network"):
        TrunkSettings(name="t", networks=(text,))


@pytest.mark.parametrize(
    "text",
    ["http://h", "wss://", "wss:h", "wss://h:x", "wss://h:99999", "wss://h:0", "ws://[::1", "x"],
)
def test_url_that_is_no_websocket_s_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="wanted a ws:// or wss:// URL"):
        RealtimeSettings(url=text)


def test_url_holds_no_credentials() -> None:
    with pytest.raises(ValidationError, match="a key goes into api_key"):
        RealtimeSettings(url="wss://user@h")


@pytest.mark.parametrize(
    "number", ["*", "+15551234567", "200", "front.desk", "a_b-c#", "+1555*", "*72"]
)
def test_number_may_be_a_user_name_a_prefix_or_any(number: str) -> None:
    assert LineSettings(number=number, agent="a").number == number


@pytest.mark.parametrize("number", ["", "+", "**", "+*", "1*2", "1 2", "sip:a@b", "9" * 65])
def test_number_that_nobody_dials_is_refused(number: str) -> None:
    with pytest.raises(ValidationError):
        LineSettings(number=number, agent="a")


ALLOWED = TransferSettings(
    allow=("sip:*@pbx.example.com", "tel:+1555*", "sip:9*@gw;transport=tcp", "sip:op@10.0.0.1:5070")
)


@pytest.mark.parametrize(
    "target",
    [
        "sip:200@pbx.example.com",
        "SIP:front.desk@PBX.example.com",
        "tel:+15551234567",
        "sip:9123@gw;transport=tcp",
        "sip:op@10.0.0.1:5070",
    ],
)
def test_target_that_fits_a_pattern_is_allowed(target: str) -> None:
    assert ALLOWED.allows(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "sip:200@evil.example",
        "sip:200@evil.example?X=@pbx.example.com",
        "sip:200@evil.example;x=@pbx.example.com",
        "sip:a@evil.example:5060@pbx.example.com",
        "sip:200@pbx.example.com;maddr=evil.example",
        "sip:200@pbx.example.com:5062",
        "sip:200@pbxxexample.com",
        "sip:200@pbx.example.com\n",
        "sips:200@pbx.example.com",
        "tel:+15661234567",
        "tel:+1555;phone-context=x",
        "sip:9123@gw",
        "sip:op@10.0.0.1",
    ],
)
def test_target_that_fits_none_is_not(target: str) -> None:
    assert not ALLOWED.allows(target)


def test_nothing_is_allowed_by_default() -> None:
    assert not TransferSettings().allows("sip:200@pbx.example.com")


def test_pattern_that_is_no_uri_is_refused() -> None:
    with pytest.raises(ValidationError, match="wanted a sip:, sips: or tel: URI"):
        TransferSettings(allow=("*",))


@pytest.mark.parametrize("listen", ["127.0.0.1:80", "127.8.9.1:80", "[::1]:80", "localhost:80"])
def test_http_for_this_machine_needs_no_token(listen: str) -> None:
    assert HttpSettings(listen=listen).token is None
