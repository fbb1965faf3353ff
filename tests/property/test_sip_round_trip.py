"""What we write reads back as what we meant."""

from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.sip.framing import KeepAlive, StreamFramer
from telephony.sip.grammar import quote_string, split_list, unescape, unquote_string
from telephony.sip.headers import Headers
from telephony.sip.message import Request, Response, parse_message
from telephony.sip.name_addr import NameAddr, parse_name_addr
from telephony.sip.uri import SipUri, parse_uri
from telephony.sip.via import Via, parse_via

TOKEN_LETTERS = "abcXYZ019-.!%*_+`'~"  # noqa: S105 - a production, no password
USER_LETTERS = "abcXYZ019-_.!~*'()&=+$,;?/"

tokens = st.text(TOKEN_LETTERS, min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30)
ports = st.none() | st.integers(1, 65535)
hosts = st.sampled_from(["h", "a.example", "192.0.2.1", "2001:db8::1", "x_y-z.example."])
parameters = st.lists(
    st.tuples(
        tokens.filter(lambda name: name.lower() != "tag"),
        st.none() | tokens | texts.map(quote_string),
    ),
    max_size=4,
    unique_by=lambda pair: pair[0].lower(),
).map(tuple)
users = st.none() | st.text(USER_LETTERS, min_size=1, max_size=12)
uri_parameters = st.lists(
    st.tuples(
        st.text("abcXYZ[]/:&+$", min_size=1, max_size=6),
        st.none() | st.text("abc019[]/:&+$", min_size=1, max_size=6),
    ),
    max_size=4,
    unique_by=lambda pair: pair[0].lower(),
).map(tuple)
uri_headers = st.lists(
    st.tuples(
        st.text("abcX", min_size=1, max_size=6), texts.map(lambda text: quote(text, safe=""))
    ),
    max_size=3,
).map(tuple)
sip_uris = st.builds(
    SipUri,
    st.sampled_from(["sip", "sips"]),
    users,
    st.none(),
    hosts,
    ports,
    uri_parameters,
    uri_headers,
)
addresses = st.builds(NameAddr, st.none() | texts, sip_uris, parameters)
vias = st.builds(Via, tokens.map(str.upper), hosts, ports, parameters)


@given(sip_uris)
def test_a_uri(uri: SipUri) -> None:
    assert parse_uri(str(uri)) == uri
    assert parse_uri(str(uri).replace("sip", "SIP", 1)) == uri


@given(addresses)
def test_an_address(address: NameAddr) -> None:
    assert parse_name_addr(str(address)) == address


@given(vias)
def test_a_via(via: Via) -> None:
    assert parse_via(str(via)) == via


@given(st.lists(addresses, min_size=1, max_size=5))
def test_a_list_of_addresses(listed: list[NameAddr]) -> None:
    assert split_list(", ".join(map(str, listed))) == [str(address) for address in listed]
    headers = Headers([("Contact", ", ".join(map(str, listed)))])
    assert list(headers.every("Contact", parse_name_addr)) == listed


@given(st.text(st.characters(exclude_characters="\r\n")))
def test_quotes(text: str) -> None:
    assert unquote_string(quote_string(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escapes(text: str) -> None:
    assert unescape(quote(text, safe="")) == text


values = texts.map(lambda text: text.replace("\x00", "").strip(" \t"))


@given(tokens, sip_uris, st.lists(st.tuples(tokens, values), max_size=6), st.binary(max_size=50))
def test_a_request(method: str, uri: SipUri, fields: list[tuple[str, str]], body: bytes) -> None:
    fields = [(f"X-{name}", value) for name, value in fields]
    written = Request(method, uri, Headers(fields), body).to_bytes()
    for stream in (False, True):
        read = parse_message(written, stream=stream)
        assert isinstance(read, Request)
        assert (read.method, read.body) == (method, body)
        assert read.headers.items() == [*fields, ("Content-Length", str(len(body)))]
        assert read.to_bytes() == written


reasons = texts.filter(lambda text: all(c >= " " and c != "\x7f" for c in text))


def response_octets(status: int, reason: str, body: bytes) -> bytes:
    """Write a response that has nothing but a body."""
    return Response(status, reason, Headers(), body).to_bytes()


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(
            response_octets,
            st.integers(100, 699),
            reasons,
            st.binary(max_size=30),
        )
        | st.just(b"\r\n\r\n"),
        max_size=5,
    ),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_a_stream_cut_anywhere(pieces: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(pieces)
    framer = StreamFramer()
    out: list[bytes | KeepAlive] = []
    at = step = 0
    while at < len(whole):
        size = cuts[step % len(cuts)]
        out += framer.feed(whole[at : at + size])
        at, step = at + size, step + 1
    assert out == [KeepAlive.PING if piece == b"\r\n\r\n" else piece for piece in pieces]
