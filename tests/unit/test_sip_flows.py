"""Connections: what opens them, what ends the wait for their peers."""

from dataclasses import replace

import pytest

from telephony.sip import FlowId, FlowLimits, MessageRejected, NameAddr, SipUri
from telephony.sip.errors import SipSyntaxError
from telephony.sip.events import CloseFlow, IncomingInvite, InviteAnswered, SipOutput
from telephony.sip.flows import Flows
from telephony.sip.framing import KeepAlive
from telephony.sip.timers import DeadlineHeap
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from tests.support.sip_peer import ANSWER, FLOW, OFFER, SETTINGS, Bench, request, response

MESSAGE_S, IDLE_S = 10, 60
LIMITS = FlowLimits(
    message_ns=Nanoseconds(MESSAGE_S * NS_PER_SECOND), idle_ns=Nanoseconds(IDLE_S * NS_PER_SECOND)
)
OPTIONS = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nab"
OURS = FLOW._replace(is_opened_by_us=True)
US = NameAddr(None, SipUri("sip", "agent", None, "192.0.2.1"))
TARGET = SipUri("sip", "callee", None, "192.0.2.9", None, (("transport", "tcp"),))


class Bank:
    """Connections on a virtual clock."""

    def __init__(self, flow: FlowId = FLOW) -> None:
        self.flow = flow
        self.needed = False
        self.output: list[SipOutput] = []
        self.heap = DeadlineHeap()
        self.flows = Flows(LIMITS, self.heap, self.output.append, lambda _: self.needed)
        self.now = Nanoseconds(0)
        self.flows.open(flow, self.now)

    def after(self, seconds: float) -> "Bank":
        end = Nanoseconds(self.now + round(seconds * NS_PER_SECOND))
        while (due := self.heap.next_deadline()) is not None and due <= end:
            self.heap.run_due(due)
        self.now = end
        return self

    def receive(self, data: bytes) -> list[bytes | KeepAlive]:
        return list(self.flows.receive(self.flow, data, self.now))


def test_a_flow_is_open_from_its_opening_to_its_close() -> None:
    bank = Bank()
    assert bank.flows.is_open(FLOW)
    assert not bank.flows.is_open(FLOW._replace(serial=9))
    assert not bank.flows.is_open(None)
    bank.flows.close(FLOW)
    bank.flows.close(FLOW)
    assert not bank.flows.is_open(FLOW)
    assert len(bank.heap) == 0
    assert bank.receive(OPTIONS) == []


def test_what_is_whole_comes_out() -> None:
    bank = Bank()
    assert bank.receive(OPTIONS + b"\r\n\r\n" + OPTIONS[:9]) == [OPTIONS, KeepAlive.PING]
    assert bank.receive(OPTIONS[9:]) == [OPTIONS]
    with pytest.raises(SipSyntaxError):
        bank.receive(b"x\r\n\r\n")


def test_a_peer_that_opens_a_flow_and_says_nothing_loses_it() -> None:
    bank = Bank().after(MESSAGE_S - 1)
    assert bank.output == []
    bank.after(1)
    reason = "no whole message in time"
    assert bank.output == [MessageRejected(reason, (FLOW.host, FLOW.port)), CloseFlow(FLOW)]
    bank.flows.close(FLOW)
    assert len(bank.heap) == 0


def test_our_own_flow_may_stay_silent_while_it_is_not_idle() -> None:
    assert Bank(OURS).after(IDLE_S - 1).output == []


def test_half_a_ping_is_no_first_word() -> None:
    bank = Bank()
    bank.receive(b"\r\n")
    assert CloseFlow(FLOW) in bank.after(MESSAGE_S).output


def test_a_message_that_trickles_in_is_limited_from_its_first_octet() -> None:
    bank = Bank()
    bank.receive(OPTIONS)
    bank.after(30)
    for octet in OPTIONS[:MESSAGE_S]:
        assert bank.output == []
        bank.receive(bytes([octet]))
        bank.after(1)
    assert bank.output[-1] == CloseFlow(FLOW)


def test_the_limit_begins_anew_with_each_message() -> None:
    bank = Bank()
    for _ in range(5):
        bank.receive(OPTIONS[:20])
        bank.after(MESSAGE_S - 1)
        assert bank.receive(OPTIONS[20:]) == [OPTIONS]
    bank.receive(OPTIONS + OPTIONS[:20])
    bank.after(MESSAGE_S - 1)
    assert bank.output == []
    assert CloseFlow(FLOW) in bank.after(1).output


@pytest.mark.parametrize("flow", [FLOW, OURS])
def test_a_flow_that_nothing_needs_is_closed_once_idle(flow: FlowId) -> None:
    bank = Bank(flow)
    bank.receive(OPTIONS)
    assert bank.after(IDLE_S - 1).output == []
    assert bank.after(1).output == [CloseFlow(flow)]
    bank.flows.close(flow)
    assert len(bank.heap) == 0


def test_keep_alives_keep_a_flow() -> None:
    bank = Bank()
    for _ in range(10):
        assert bank.receive(b"\r\n\r\n") == [KeepAlive.PING]
        bank.after(IDLE_S - 1)
    assert bank.output == []
    assert bank.after(1).output == [CloseFlow(FLOW)]


def test_a_flow_that_is_needed_stays() -> None:
    bank = Bank(OURS)
    bank.needed = True
    assert bank.after(10 * IDLE_S + 1).output == []
    bank.needed = False
    assert bank.after(IDLE_S).output == [CloseFlow(OURS)]


IDLE_MS = IDLE_S * 1000
BENCH_SETTINGS = replace(SETTINGS, flows=LIMITS)


def tcp(text: str) -> str:
    return text.replace("SIP/2.0/UDP", "SIP/2.0/TCP")


def closings(bench: Bench, ms: float) -> list[SipOutput]:
    bench.run(ms)
    closed = [one for one in bench.events if isinstance(one, CloseFlow)]
    bench.events.clear()
    return list(closed)


def test_a_call_keeps_the_flow_of_its_invite() -> None:
    bench = Bench(BENCH_SETTINGS)
    bench.stream(tcp(request("INVITE", body=OFFER)))
    session = bench.event(IncomingInvite).session
    session.answer(ANSWER, bench.now)
    tag = bench.take_response().to.tag or ""
    bench.stream(tcp(request("ACK", to_tag=tag)))
    other = FLOW._replace(port=41_999)
    bench.stream(tcp(request("OPTIONS", call_id="other")), other)
    assert closings(bench, 10 * IDLE_MS) == [CloseFlow(other)]
    assert session.path.direct is not None
    bench.take()
    bench.stream(tcp(request("BYE", to_tag=tag, cseq=2)))
    assert closings(bench, 2 * IDLE_MS) == [CloseFlow(FLOW)]


def test_a_call_keeps_the_flow_of_the_latest_request() -> None:
    bench = Bench(BENCH_SETTINGS)
    bench.stream(tcp(request("INVITE", body=OFFER)))
    bench.event(IncomingInvite).session.answer(ANSWER, bench.now)
    tag = bench.take_response().to.tag or ""
    bench.stream(tcp(request("ACK", to_tag=tag)))
    bench.close()
    newer = FLOW._replace(port=41_999, serial=2)
    bench.stream(tcp(request("INFO", to_tag=tag, cseq=2)), newer)
    bench.events.clear()
    assert closings(bench, 10 * IDLE_MS) == []


def test_a_call_of_ours_keeps_the_flow_it_was_placed_over() -> None:
    bench = Bench(BENCH_SETTINGS)
    target = TARGET
    bench.endpoint.invite(target, from_=US, to=US, sdp=OFFER, now_ns=bench.now)
    invite = bench.take_request()
    ours = FlowId("TCP", "192.0.2.9", 5060, 7, is_opened_by_us=True)
    bench.open(ours)
    bench.stream(response(invite, 200, to_tag="far", body=ANSWER), ours)
    session = bench.event(InviteAnswered).session
    bench.take()
    assert closings(bench, 10 * IDLE_MS) == []
    session.bye(bench.now)
    bench.stream(response(bench.take_request(), 200), ours)
    assert closings(bench, 2 * IDLE_MS) == [CloseFlow(ours)]


def test_a_transaction_keeps_its_flow() -> None:
    impatient = replace(LIMITS, idle_ns=Nanoseconds(NS_PER_SECOND))
    bench = Bench(replace(SETTINGS, flows=impatient))
    bench.endpoint.options(TARGET, from_=US, now_ns=bench.now)
    ours = FlowId("TCP", "192.0.2.9", 5060, 7, is_opened_by_us=True)
    bench.open(ours)
    assert closings(bench, 31_000) == []
    assert closings(bench, 3_000) == [CloseFlow(ours)]


def test_octets_after_the_close_are_dropped() -> None:
    bench = Bench(BENCH_SETTINGS)
    bench.open()
    bench.close()
    bench.endpoint.handle_stream(FLOW, OPTIONS, Nanoseconds(NS_PER_MS))
    bench.assert_clean()
    assert bench.take() == []
