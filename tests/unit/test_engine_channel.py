"""TLS without a socket: what is sealed can be read at the other end, and how it all ends."""

import ssl
from contextlib import suppress

import pytest

from telephony.engine.channel import RECORD_OCTETS, PlainChannel, TlsChannel, client_context
from tests.support.certificates import Authority


class Server:
    """The other end of a channel."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake_hands(self, channel: TlsChannel) -> None:
        """Let both stand, octet by octet."""
        is_done = channel.shake_hands(b"")
        while not is_done:
            self.incoming.write(channel.take_answer())
            with suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            for octet in self.outgoing.read():
                is_done = channel.shake_hands(bytes([octet])) or is_done
        self.incoming.write(channel.take_answer())
        self.tls.do_handshake()

    def read(self, sealed: bytes) -> bytes:
        self.incoming.write(sealed)
        plain = b""
        while self.incoming.pending:
            plain += self.tls.read(RECORD_OCTETS)
        return plain

    def say(self, octets: bytes) -> bytes:
        self.tls.write(octets)
        return self.outgoing.read()

    def goodbye(self) -> bytes:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.outgoing.read()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def context(authority: Authority, request: pytest.FixtureRequest) -> ssl.SSLContext:
    """A server of each version that is spoken."""
    context = authority.server()
    context.maximum_version = request.param
    return context


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    context = client_context()
    context.load_verify_locations(authority.certificate)
    return context


@pytest.fixture
def ends(context: ssl.SSLContext, trusting: ssl.SSLContext) -> tuple[TlsChannel, Server]:
    channel, server = TlsChannel(trusting, "127.0.0.1"), Server(context)
    server.shake_hands(channel)
    return channel, server


def test_tcp_as_it_is() -> None:
    channel = PlainChannel()
    assert channel.seal(b"frame") == b"frame"
    assert channel.unseal(b"frame") == (b"frame", False)
    assert channel.unseal(b"") == (b"", True)
    assert channel.take_answer() == channel.goodbye() == b""


def test_certificates_and_names_are_verified_and_old_tls_is_not_spoken() -> None:
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_authorities_that_the_environment_names_are_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    server = Server(authority.server())
    server.shake_hands(TlsChannel(client_context(), "127.0.0.1"))
    assert server.tls.version() == "TLSv1.3"
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ssl.SSLCertVerificationError):
        Server(authority.server()).shake_hands(TlsChannel(client_context(), "127.0.0.1"))


def test_the_name_is_sent_and_http_is_agreed_on(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    context = authority.server("DNS:model.example")
    context.set_alpn_protocols(["h2", "http/1.1"])
    names: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    server = Server(context)
    server.shake_hands(TlsChannel(trusting, "model.example"))
    assert names == ["model.example"]
    assert server.tls.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("size", [0, 1, 300, RECORD_OCTETS, RECORD_OCTETS + 1, 100_000])
def test_what_is_sealed_is_read(ends: tuple[TlsChannel, Server], size: int) -> None:
    channel, server = ends
    octets = bytes(index % 251 for index in range(size))
    sealed = channel.seal(octets)
    assert octets not in sealed or not octets[1:]
    assert server.read(sealed) == octets
    assert channel.take_answer() == b""


def test_records_are_read_however_they_are_cut(ends: tuple[TlsChannel, Server]) -> None:
    channel, server = ends
    sealed = b"".join(server.say(bytes([number]) * 500) for number in range(5))
    plain = b""
    for octet in sealed:
        got, is_end = channel.unseal(bytes([octet]))
        plain += got
        assert not is_end
    assert plain == b"".join(bytes([number]) * 500 for number in range(5))


def test_the_end_is_a_close_notify_or_the_connections(ends: tuple[TlsChannel, Server]) -> None:
    channel, server = ends
    assert channel.unseal(server.say(b"last") + server.goodbye()) == (b"last", True)
    assert channel.unseal(b"") == (b"", True)


def test_a_connection_that_is_cut_ends_behind_what_was_whole(
    ends: tuple[TlsChannel, Server],
) -> None:
    channel, server = ends
    assert channel.unseal(server.say(b"whole") + server.say(b"cut")[:-1]) == (b"whole", False)
    assert channel.unseal(b"") == (b"", True)


def test_our_goodbye_is_a_close_notify(ends: tuple[TlsChannel, Server]) -> None:
    channel, server = ends
    assert server.read(channel.seal(b"last") + channel.goodbye()) == b"last"
    assert channel.goodbye() == b""


def test_a_forged_record_breaks_the_channel(ends: tuple[TlsChannel, Server]) -> None:
    channel, server = ends
    sealed = bytearray(server.say(b"audio"))
    sealed[-1] ^= 1
    with pytest.raises(ssl.SSLError):
        channel.unseal(bytes(sealed))
    assert channel.take_answer(), "the alert that says why"
    with pytest.raises(ssl.SSLError):
        channel.seal(b"more")
    assert channel.goodbye() == b""


@pytest.mark.parametrize("host", ["", ".example"])
def test_a_host_that_no_certificate_can_be_for(host: str) -> None:
    with pytest.raises(ValueError, match=r"hostname|idna"):
        TlsChannel(client_context(), host)
