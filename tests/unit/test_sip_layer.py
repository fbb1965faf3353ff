"""The transaction layer by itself, with users that only take notes."""

import itertools

import pytest

from telephony.errors import LocalError, RemoteError
from telephony.sip import Headers, Request, Response, SipUri, parse_message
from telephony.sip.events import SipOutput
from telephony.sip.layer import TransactionLayer
from telephony.sip.layer_transactions import Shared
from telephony.sip.timers import DeadlineHeap, Timer
from telephony.sip.transaction import State
from telephony.sip.transaction_record import ClientUser, ServerTransaction, ServerUser
from telephony.sip.transmit import Arrival, Hop, Transmit
from telephony.units import NS_PER_MS, Nanoseconds
from tests.support.sip_peer import LOCAL, PEER, SETTINGS, request, response

NOW = Nanoseconds(0)
UDP = Hop("UDP", PEER)
TCP = Hop("TCP", PEER)


class Notes(ClientUser, ServerUser):
    """Everyone who can be told something."""

    def __init__(self) -> None:
        self.responses: list[int] = []
        self.failures: list[Timer | None] = []
        self.requests: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.strays: list[Response] = []

    def receive_response(self, response: Response, now_ns: Nanoseconds) -> None:
        del now_ns
        self.responses.append(response.status)

    def receive_failure(self, timer: Timer | None, now_ns: Nanoseconds) -> None:
        del now_ns
        self.failures.append(timer)

    def receive_request(self, transaction: ServerTransaction, now_ns: Nanoseconds) -> None:
        del now_ns
        self.requests.append(transaction)

    def receive_ack(self, request: Request, now_ns: Nanoseconds) -> None:
        del now_ns
        self.acks.append(request)

    def receive_stray_response(self, response: Response, now_ns: Nanoseconds) -> None:
        del now_ns
        self.strays.append(response)


class Layer:
    """A layer, its heap, and all it emitted."""

    def __init__(self) -> None:
        numbers = itertools.count()
        self.notes = Notes()
        self.heap = DeadlineHeap()
        self.output: list[SipOutput] = []
        token = (f"t{number}" for number in numbers).__next__
        shared = Shared(
            SETTINGS, self.heap, token, self.output.append, frozenset[object]().__contains__
        )
        self.layer = TransactionLayer(shared, self.notes)

    def send(self, method: str, hop: Hop = UDP) -> Request:
        message = outgoing(method)
        self.layer.clients.request(message, hop, self.notes, NOW)
        return message

    def answer(self, to: Request, status: int) -> None:
        message = parse_message(response(to, status).encode())
        assert isinstance(message, Response)
        self.layer.clients.receive_response(message, NOW)

    def receive(self, text: str, *, transport: str = "UDP") -> None:
        message = parse_message(text.encode())
        assert isinstance(message, Request)
        self.layer.servers.receive_request(message, Arrival(transport, PEER, LOCAL), NOW)

    def respond(self, status: int) -> None:
        transaction = self.notes.requests[-1]
        message = Response.for_request(transaction.request, status, to_tag="ours")
        self.layer.servers.respond(transaction, message, NOW)

    def run_to(self, ms: int) -> None:
        self.heap.run_due(Nanoseconds(ms * NS_PER_MS))

    def sent(self) -> list[str]:
        sent = [one.data for one in self.output if isinstance(one, Transmit)]
        self.output.clear()
        return [data.split(b"\r\n")[0].decode() for data in sent]


def outgoing(method: str) -> Request:
    message = parse_message(request(method).encode())
    assert isinstance(message, Request)
    message.headers.remove("Via")
    return Request(method, SipUri("sip", "x", None, "192.0.2.9"), message.headers)


def test_over_tcp_nothing_of_ours_is_repeated_and_the_final_answer_ends_it() -> None:
    at = Layer()
    options = at.send("OPTIONS", TCP)
    at.run_to(31_999)
    assert len(at.sent()) == 1
    at.answer(options, 200)
    at.run_to(31_999)
    assert at.layer.count == 0
    assert at.notes.responses == [200]


def test_over_tcp_silence_still_ends_with_timer_b_and_f() -> None:
    at = Layer()
    at.send("INVITE", TCP)
    at.send("OPTIONS", TCP)
    at.run_to(32_000)
    assert at.notes.failures == [Timer.B, Timer.F]
    assert at.layer.count == 0


def test_a_transport_error_while_the_peer_works_on_the_invite_is_ignored() -> None:
    at = Layer()
    invite = at.send("INVITE")
    at.answer(invite, 180)
    at.layer.receive_transport_error(PEER, "UDP", NOW)
    assert at.notes.failures == []
    at.answer(invite, 486)
    at.layer.receive_transport_error(PEER, "TCP", NOW)
    assert at.notes.failures == []
    at.layer.receive_transport_error(PEER, None, NOW)
    assert at.notes.failures == [None]
    assert at.layer.count == 0


def test_an_abandoned_invite_is_gone_and_abandoning_it_again_does_nothing() -> None:
    at = Layer()
    message = outgoing("INVITE")
    transaction = at.layer.clients.request(message, UDP, at.notes, NOW)
    at.layer.clients.abandon(transaction, NOW)
    assert transaction.state is State.TERMINATED
    assert at.layer.count == 0
    at.layer.clients.abandon(transaction, NOW)
    at.answer(message, 200)
    assert [one.status for one in at.notes.strays] == [200]
    assert len(at.heap) == 0


def test_credentials_and_routes_go_with_the_ack_of_a_refusal() -> None:
    at = Layer()
    message = outgoing("INVITE")
    message.headers.add("Route", "<sip:192.0.2.20;lr>")
    message.headers.add("Proxy-Authorization", "Digest x")
    at.layer.clients.request(message, UDP, at.notes, NOW)
    at.answer(message, 486)
    ack = at.output[-1]
    assert isinstance(ack, Transmit)
    assert b"\r\nRoute: <sip:192.0.2.20;lr>\r\n" in ack.data
    assert b"\r\nProxy-Authorization: Digest x\r\n" in ack.data
    assert ack.data.startswith(b"ACK sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;")


def test_a_cancel_carries_what_it_is_given() -> None:
    at = Layer()
    transaction = at.layer.clients.request(outgoing("INVITE"), UDP, at.notes, NOW)
    at.layer.clients.cancel(transaction, Headers([("Reason", "SIP;cause=200")]), at.notes, NOW)
    assert at.layer.count == 2
    cancel = at.output[-1]
    assert isinstance(cancel, Transmit)
    assert b"\r\nReason: SIP;cause=200\r\n" in cancel.data


@pytest.mark.parametrize("status", [180, 199, 408])
def test_what_rfc_4320_forbids_is_not_sent(status: int) -> None:
    at = Layer()
    at.receive(request("OPTIONS"))
    with pytest.raises(LocalError, match="RFC 4320"):
        at.respond(status)
    assert at.sent() == []
    at.respond(100)
    at.respond(200)
    assert at.sent() == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]


def test_a_second_final_answer_is_discarded_and_the_first_repeated() -> None:
    at = Layer()
    at.receive(request("OPTIONS"))
    at.receive(request("OPTIONS"))
    assert at.sent() == []
    at.respond(200)
    at.respond(500)
    at.receive(request("OPTIONS"))
    assert at.sent() == ["SIP/2.0 200 OK", "SIP/2.0 200 OK"]
    assert len(at.notes.requests) == 1


def test_a_second_final_answer_to_an_invite_is_our_fault_and_changes_nothing() -> None:
    at = Layer()
    at.receive(request("INVITE"))
    at.respond(486)
    with pytest.raises(LocalError, match="SEND_PROVISIONAL"):
        at.respond(180)
    at.receive(request("INVITE"))
    assert at.sent() == ["SIP/2.0 486 Busy Here"] * 2


def test_a_2xx_is_not_repeated_after_timer_l() -> None:
    at = Layer()
    at.receive(request("INVITE"))
    at.respond(200)
    transaction = at.notes.requests[0]
    at.layer.servers.repeat_success(transaction, NOW)
    assert at.sent() == ["SIP/2.0 200 OK"] * 2
    at.run_to(32_000)
    at.layer.servers.repeat_success(transaction, NOW)
    assert at.sent() == []
    assert at.layer.count == 0


def test_an_ack_of_a_2xx_with_the_invites_branch_still_reaches_the_user() -> None:
    at = Layer()
    at.receive(request("INVITE"))
    at.respond(200)
    at.receive(request("ACK", to_tag="ours"))
    assert [one.method for one in at.notes.acks] == ["ACK"]


def test_an_ack_before_the_answer_is_the_peers_fault() -> None:
    at = Layer()
    at.receive(request("INVITE"))
    with pytest.raises(RemoteError, match="RECEIVE_ACK"):
        at.receive(request("ACK"))


def test_same_branch_from_another_sender_or_of_another_method_is_another_transaction() -> None:
    at = Layer()
    at.receive(request("OPTIONS"))
    at.receive(request("OPTIONS", via="SIP/2.0/UDP 192.0.2.10:5060"))
    at.receive(request("INFO"))
    assert len(at.notes.requests) == 3
    at.receive(request("OPTIONS", via="SIP/2.0/UDP 192.0.2.9"))
    assert len(at.notes.requests) == 3


def test_a_transport_error_reaches_the_transactions_that_answer_too() -> None:
    at = Layer()
    at.receive(request("INVITE"))
    at.respond(180)
    at.receive(request("OPTIONS", branch="z9hG4bK-2"))
    at.layer.receive_transport_error(PEER, "UDP", NOW)
    assert at.layer.count == 2
    assert at.notes.failures == []


def test_a_transaction_that_a_user_ends_while_errors_are_handed_out_is_passed_over() -> None:
    at = Layer()

    class Chain(Notes):
        def receive_failure(self, timer: Timer | None, now_ns: Nanoseconds) -> None:
            super().receive_failure(timer, now_ns)
            at.layer.clients.abandon(second, now_ns)

    chain = Chain()
    at.layer.clients.request(outgoing("OPTIONS"), UDP, chain, NOW)
    second = at.layer.clients.request(outgoing("INVITE"), UDP, at.notes, NOW)
    at.layer.receive_transport_error(PEER, None, NOW)
    assert chain.failures == [None]
    assert at.notes.failures == []
    assert at.layer.count == 0
