"""The relay carries datagrams both ways as told, and puts itself in the path of calls."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.netem import Impairments
from tests.support.ports import LOOPBACK, bind_even_pair
from tests.support.relay import Relay
from tests.support.sip_rewrite import Address, header, is_message, relayed

Open = Callable[[], socket.socket]
HELD = "0.0.0.0"  # noqa: S104 - an old way to say hold in SDP, nothing binds to it


@pytest.fixture
def sockets() -> Iterator[Open]:
    """Open UDP sockets on loopback that close with the test."""
    with ExitStack() as stack:

        def open_one() -> socket.socket:
            each = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            each.bind((LOOPBACK, 0))
            each.settimeout(30)
            return each

        yield open_one


def port_of(each: socket.socket) -> int:
    return int(each.getsockname()[1])


def test_each_client_gets_its_own_answers(sockets: Open) -> None:
    server, first, second = sockets(), sockets(), sockets()
    with Relay(server.getsockname(), Impairments()) as relay:
        first.sendto(b"one", relay.address)
        data, flow_of_first = server.recvfrom(100)
        assert data == b"one"
        second.sendto(b"two", relay.address)
        data, flow_of_second = server.recvfrom(100)
        assert data == b"two"
        assert flow_of_first != flow_of_second
        server.sendto(b"to two", flow_of_second)
        server.sendto(b"to one", flow_of_first)
        assert first.recvfrom(100) == (b"to one", relay.address)
        assert second.recvfrom(100) == (b"to two", relay.address)
        counts = relay.counts()
    assert counts["toward_server"].delivered == 2
    assert counts["toward_client"].delivered == 2


def test_what_is_lost_is_counted(sockets: Open) -> None:
    server, client = sockets(), sockets()
    with Relay(server.getsockname(), Impairments(loss=1)) as relay:
        for _ in range(5):
            client.sendto(b"x", relay.address)
        client.sendto(b"x", relay.address)
        counts = relay.counts()["toward_server"]
        while counts.received < 6:
            counts = relay.counts()["toward_server"]
    assert (counts.received, counts.lost, counts.delivered) == (6, 6, 0)


def test_duplicates_and_delay_reach_the_server(sockets: Open) -> None:
    server, client = sockets(), sockets()
    with Relay(server.getsockname(), Impairments(duplicate=1, delay_ms=20)) as relay:
        client.sendto(b"x", relay.address)
        assert server.recv(100) == server.recv(100) == b"x"


def test_a_pair_of_ports_is_relayed_to_a_pair(sockets: Open) -> None:
    client = sockets()
    rtp, rtcp = bind_even_pair()
    with rtp, rtcp, Relay(rtp.getsockname(), Impairments(), mode="pair") as relay:
        rtcp.settimeout(30)
        host, port = relay.address
        assert port % 2 == 0
        client.sendto(b"report", (host, port + 1))
        data, flow = rtcp.recvfrom(100)
        assert data == b"report"
        rtcp.sendto(b"answer", flow)
        assert client.recv(100) == b"answer"


def invite(client: Address, media_port: int) -> bytes:
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {client[0]}\r\ns=-\r\nc=IN IP4 {client[0]}\r\nt=0 0\r\n"
        f"m=audio {media_port} RTP/AVP 0\r\na=rtcp:9 IN IP4 {client[0]}\r\na=ptime:20\r\n"
    )
    return (
        "INVITE sip:agent@127.0.0.1:9999 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {client[0]}:{client[1]};branch=z9hG4bKa\r\n"
        "From: <sip:caller@127.0.0.1>;tag=1\r\nTo: <sip:agent@127.0.0.1>\r\nCall-ID: one\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:caller@{client[0]}:{client[1]};ob>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def ok(request: bytes, contact: Address, media_port: int) -> bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    kept = [line for line in lines[1:] if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))]
    body = re.sub(rb"m=audio \d+", b"m=audio %d" % media_port, body)
    kept += [f"Contact: <sip:agent@{contact[0]}:{contact[1]}>", "Content-Type: application/sdp"]
    kept.append(f"Content-Length: {len(body)}")
    return ("SIP/2.0 200 OK\r\n" + "\r\n".join(kept) + "\r\n\r\n").encode() + body


def media_address(message: bytes) -> Address:
    audio = re.search(rb"m=audio (\d+)", message)
    connection = re.search(rb"c=IN IP4 (\S+)", message)
    assert audio is not None
    assert connection is not None
    return connection[1].decode(), int(audio[1])


def test_a_call_passes_whole_through_the_relay(sockets: Open) -> None:
    server, client, server_rtp, client_rtp = (sockets() for _ in range(4))
    with Relay(server.getsockname(), Impairments(), mode="sip") as relay:
        client.sendto(invite(client.getsockname(), port_of(client_rtp)), relay.address)
        received, flow = server.recvfrom(4096)
        assert received.startswith(b"INVITE sip:agent@127.0.0.1:%d SIP/2.0\r\n" % port_of(server))
        assert received.count(b"Via:") == 2
        assert header(received, "Contact") == f"<sip:caller@{flow[0]}:{flow[1]};ob>"
        assert b"a=rtcp" not in received
        body = received.partition(b"\r\n\r\n")[2]
        assert header(received, "Content-Length") == str(len(body))

        server.sendto(ok(received, server.getsockname(), port_of(server_rtp)), flow)
        answered = client.recv(4096)
        assert answered.count(b"Via:") == 1
        assert header(answered, "Contact") == f"<sip:agent@{LOOPBACK}:{relay.address[1]}>"

        client_rtp.sendto(b"from client", media_address(answered))
        data, source = server_rtp.recvfrom(100)
        assert (data, source) == (b"from client", media_address(received))
        server_rtp.sendto(b"from server", source)
        assert client_rtp.recvfrom(100) == (b"from server", media_address(answered))

        bye = f"BYE sip:caller@{flow[0]}:{flow[1]};ob SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=b\r\n"
        server.sendto(f"{bye}Call-ID: one\r\nCSeq: 1 BYE\r\n\r\n".encode(), flow)
        to_client = client.recv(4096).split(b"\r\n")[0]
        assert to_client == b"BYE sip:caller@127.0.0.1:%d;ob SIP/2.0" % port_of(client)


def test_held_and_refused_media_are_left_alone() -> None:
    def never(call_id: str, sender: Address) -> Address:
        raise AssertionError(f"asked for {call_id} {sender}")

    def moved(call_id: str, sender: Address) -> Address:
        assert (call_id, sender) == ("one", (HELD, 7))
        return "127.0.0.1", 8

    hops: dict[str, Address] = {"own": ("127.0.0.1", 5), "next_hop": ("127.0.0.1", 6)}
    refused = invite(("127.0.0.1", 4), 0)
    assert b"m=audio 0 " in relayed(refused, media=never, **hops)
    held = invite((HELD, 4), 7)
    assert b"c=IN IP4 0.0.0.0\r\n" in relayed(held, media=moved, **hops)
    assert b"m=audio 8 " in relayed(held, media=moved, **hops)


def elsewhere(_call_id: str, _sender: Address) -> Address:
    return "c", 3


def test_a_retransmission_leaves_with_the_same_branch() -> None:
    request = invite(("127.0.0.1", 4), 7)
    edits = [relayed(request, own=("a", 1), next_hop=("b", 2), media=elsewhere) for _ in range(2)]
    assert edits[0] == edits[1]


def test_vias_in_one_line_are_taken_off_one_by_one() -> None:
    response = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2\r\n\r\n"
    edited = relayed(response, own=("a", 1), next_hop=("b", 2), media=elsewhere)
    assert edited == b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b;branch=2\r\n\r\n"


def test_keep_alives_are_no_messages() -> None:
    assert is_message(b"SIP/2.0 200 OK\r\n\r\n")
    assert is_message(b"BYE sip:a SIP/2.0\r\n\r\n")
    assert not is_message(b"\r\n\r\n")
