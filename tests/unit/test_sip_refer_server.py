"""Transfers that a peer asks of us: two endpoints on a virtual clock, one REFERs, one reports."""

import itertools
from collections.abc import Callable
from itertools import product
from typing import TypeVar

import pytest

from telephony.errors import LocalError
from telephony.sip import (
    AckReceived,
    EndpointSettings,
    IncomingInvite,
    InviteAnswered,
    InviteSession,
    ListenAddress,
    MessageRejected,
    NameAddr,
    PeerReferState,
    ReferAccepted,
    ReferFinished,
    ReferProgressed,
    ReferReceived,
    Request,
    Response,
    SessionEnded,
    SipEndpoint,
    SipUri,
    TransferOutcome,
    Transmit,
    parse_message,
)
from telephony.sip.refer_server import PEER_REFER, PeerReferInput
from telephony.units import NS_PER_SECOND, Nanoseconds

SDP = b"v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
TARGET = SipUri("sip", "operator", None, "192.0.2.40", 5070)
ADDRESSES = {"agent": ("192.0.2.1", 5060), "caller": ("192.0.2.9", 5060)}
E = TypeVar("E")
Edit = Callable[[bytes], bytes | None]


class Link:
    """An agent that REFERs and a caller that is REFERred, with no network between them."""

    def __init__(self, *, accepts_refer: bool = True) -> None:
        numbers = itertools.count()
        self.now = Nanoseconds(0)
        self.edit: Edit = lambda data: data
        self.events: dict[str, list[object]] = {name: [] for name in ADDRESSES}
        self.messages: list[Request | Response] = []
        self.ends = {
            name: SipEndpoint(
                EndpointSettings(
                    advertised={"UDP": address}, accepts_refer=accepts_refer and name == "caller"
                ),
                lambda: f"{next(numbers):x}",
                lambda: 0.5,
            )
            for name, address in ADDRESSES.items()
        }
        self.caller: InviteSession = self.ends["caller"].invite(
            SipUri("sip", "agent", None, *ADDRESSES["agent"]),
            from_=NameAddr(None, SipUri("sip", "caller", None, "192.0.2.9")),
            to=NameAddr(None, SipUri("sip", "agent", None, "192.0.2.1")),
            sdp=SDP,
            now_ns=self.now,
        )
        self.settle()
        incoming = self.event("agent", IncomingInvite).session
        incoming.answer(SDP, self.now)
        self.agent: InviteSession = incoming
        self.settle()
        self.event("caller", InviteAnswered)
        self.event("agent", AckReceived)
        self.messages.clear()

    def settle(self) -> None:
        """Carry messages to and fro until both sides are quiet."""
        names = {address: name for name, address in ADDRESSES.items()}
        moved = True
        while moved:
            moved = False
            for name, end in self.ends.items():
                while (output := end.poll_output()) is not None:
                    moved = True
                    if not isinstance(output, Transmit):
                        self.events[name].append(output)
                        continue
                    data = self.edit(output.data)
                    if data is None:
                        continue
                    self.messages.append(parse_message(data))
                    other = names[output.destination]
                    local = ListenAddress("UDP", *ADDRESSES[other])
                    self.ends[other].handle_datagram(data, ADDRESSES[name], local, self.now)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = Nanoseconds(self.now + round(seconds * NS_PER_SECOND))
        while True:
            due = [at for at in (one.next_deadline() for one in self.ends.values()) if at]
            if not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            for one in self.ends.values():
                one.handle_timer(self.now)
            self.settle()
        self.now = end

    def event(self, name: str, kind: type[E]) -> E:
        """Give the one event told to a side since the last call."""
        events, self.events[name] = self.events[name], []
        assert len(events) == 1, events
        assert isinstance(events[0], kind)
        return events[0]

    def refer(self, *, subscribe: bool = True) -> ReferReceived:
        """Have the agent send REFER; give what the caller is told."""
        self.agent.refer(TARGET, self.now, subscribe=subscribe)
        self.settle()
        return self.event("caller", ReferReceived)

    def statuses(self) -> list[int]:
        """Give the statuses of the responses that went over since the last call."""
        messages, self.messages = self.messages, []
        return [one.status for one in messages if isinstance(one, Response)]

    def notifies(self) -> list[tuple[str | None, str | None, bytes]]:
        """Give the NOTIFYs that went over since the last call."""
        messages, self.messages = self.messages, []
        return [
            (one.headers.get("Event"), one.headers.get("Subscription-State"), one.body)
            for one in messages
            if isinstance(one, Request) and one.method == "NOTIFY"
        ]


@pytest.mark.parametrize(
    ("state", "what"), sorted(product(PeerReferState, PeerReferInput), key=str)
)
def test_every_pair_has_a_row_or_is_an_error_of_whoever_sends_it(
    state: PeerReferState, what: PeerReferInput
) -> None:
    row = PEER_REFER.get((state, what))
    if row is None:
        assert state is not PeerReferState.FINISHED or what in (
            PeerReferInput.UNDECIDED,
            PeerReferInput.EXPIRED,
        )
    else:
        assert row[0] in PeerReferState
        assert row[0] is not PeerReferState.ASKED


def test_refer_is_refused_unless_the_settings_let_it_in() -> None:
    link = Link(accepts_refer=False)
    link.agent.refer(TARGET, link.now)
    link.settle()
    assert link.events["caller"] == []
    assert link.statuses() == [405]
    assert link.event("agent", ReferFinished).outcome is TransferOutcome.FAILED


@pytest.mark.parametrize("accepts_refer", [True, False])
def test_allow_names_refer_where_it_is_let_in(*, accepts_refer: bool) -> None:
    invite = Link(accepts_refer=accepts_refer).caller.request
    assert ("REFER" in (invite.headers.get("Allow") or "").split(", ")) is accepts_refer


def test_an_accepted_refer_is_reported_up_to_the_answer() -> None:
    link = Link()
    asked = link.refer()
    assert asked.session is link.caller
    assert asked.target == TARGET
    assert asked.referred_by is not None
    assert asked.referred_by.uri == SipUri("sip", "agent", None, "192.0.2.1")
    link.messages.clear()

    asked.transfer.accept(link.now)
    link.settle()
    accepted = link.messages[0]
    assert isinstance(accepted, Response)
    assert accepted.status == 202
    assert accepted.contact is not None
    assert link.notifies() == [("refer", "active;expires=210", b"SIP/2.0 100 Trying\r\n")]
    told = link.events["agent"]
    assert isinstance(told[0], ReferAccepted)
    assert isinstance(told[1], ReferProgressed)
    told.clear()

    link.run(5)
    asked.transfer.report(180, link.now)
    link.settle()
    assert link.notifies() == [("refer", "active;expires=205", b"SIP/2.0 180 Ringing\r\n")]
    assert link.event("agent", ReferProgressed).status == 180

    asked.transfer.report(200, link.now, reason="Here")
    link.settle()
    assert link.notifies() == [("refer", "terminated;reason=noresource", b"SIP/2.0 200 Here\r\n")]
    finished = link.event("agent", ReferFinished)
    assert (finished.outcome, finished.status) == (TransferOutcome.CONNECTED, 200)
    assert asked.transfer.state is PeerReferState.FINISHED


def test_a_report_passes_on_a_phrase_whatever_its_octets() -> None:
    link = Link()
    transfer = link.refer().transfer
    transfer.accept(link.now)
    link.settle()
    link.messages.clear()
    link.events["agent"].clear()
    transfer.report(486, link.now, reason=b"Besetzt \xfc".decode("utf-8", "surrogateescape"))
    link.settle()
    assert [body for _, _, body in link.notifies()] == [b"SIP/2.0 486 Besetzt \xfc\r\n"]
    assert link.event("agent", ReferFinished).outcome is TransferOutcome.BUSY


def test_a_notify_is_a_target_refresh_and_carries_a_contact() -> None:
    link = Link()
    link.refer().transfer.accept(link.now)
    link.settle()
    notify = next(
        one for one in link.messages if isinstance(one, Request) and one.method == "NOTIFY"
    )
    assert notify.contact is not None
    assert notify.headers.get("Content-Type") == "message/sipfrag;version=2.0"


@pytest.mark.parametrize(
    ("status", "outcome"), [(486, TransferOutcome.BUSY), (404, TransferOutcome.FAILED)]
)
def test_a_target_that_refuses_ends_the_reports_and_a_second_try_names_itself(
    status: int, outcome: TransferOutcome
) -> None:
    link = Link()
    first = link.refer().transfer
    first.accept(link.now)
    first.report(status, link.now)
    link.settle()
    finished = link.events["agent"][-1]
    assert isinstance(finished, ReferFinished)
    assert finished.outcome is outcome
    link.events["agent"].clear()
    link.messages.clear()

    second = link.refer().transfer
    refer = link.messages[0]
    second.accept(link.now)
    second.report(200, link.now)
    link.settle()
    event = f"refer;id={refer.cseq.number}"
    assert {one[0] for one in link.notifies()} == {event}
    finished = link.events["agent"][-1]
    assert isinstance(finished, ReferFinished)
    assert finished.outcome is TransferOutcome.CONNECTED


@pytest.mark.parametrize(("status", "answer"), [(None, 603), (488, 488)])
def test_a_user_may_refuse(status: int | None, answer: int) -> None:
    link = Link()
    asked = link.refer()
    if status is None:
        asked.transfer.refuse(link.now)
    else:
        asked.transfer.refuse(link.now, status)
    link.settle()
    assert link.statuses() == [answer]
    assert link.notifies() == []
    assert link.event("agent", ReferFinished).status == answer
    assert link.ends["caller"].dialog_count == 1


def test_a_user_who_does_not_decide_refuses() -> None:
    link = Link()
    asked = link.refer()
    link.messages.clear()
    link.run(10)
    assert link.statuses() == [603]
    asked.transfer.accept(link.now)
    asked.transfer.refuse(link.now, 486)
    asked.transfer.report(180, link.now)
    asked.transfer.report(200, link.now)
    link.settle()
    assert link.notifies() == []


def test_reports_that_never_end_end_by_time() -> None:
    link = Link()
    transfer = link.refer().transfer
    transfer.accept(link.now)
    transfer.report(183, link.now)
    link.settle()
    link.messages.clear()
    link.run(211)
    assert link.notifies() == [
        ("refer", "terminated;reason=timeout", b"SIP/2.0 183 Session Progress\r\n")
    ]
    assert transfer.state is PeerReferState.FINISHED


def test_a_peer_that_refuses_a_report_gets_no_more() -> None:
    link = Link()
    transfer = link.refer().transfer
    link.edit = lambda data: data.replace(b"Event: refer", b"Event: presence")
    transfer.accept(link.now)
    link.settle()
    assert transfer.state is PeerReferState.FINISHED
    link.messages.clear()
    transfer.report(200, link.now)
    link.settle()
    assert link.messages == []


def test_refer_sub_false_asks_for_no_reports() -> None:
    link = Link()
    transfer = link.refer(subscribe=False).transfer
    link.messages.clear()
    transfer.accept(link.now)
    transfer.report(200, link.now)
    link.settle()
    (accepted,) = link.messages
    assert accepted.headers.get("Refer-Sub") == "false"
    assert isinstance(link.event("agent", ReferAccepted), ReferAccepted)


def test_a_second_refer_waits_for_the_first() -> None:
    link = Link()
    sent: list[bytes] = []

    def keep(data: bytes) -> bytes:
        sent.append(data)
        return data

    link.edit = keep
    first = link.refer().transfer
    refer = next(one for one in sent if one.startswith(b"REFER"))
    again = refer.replace(b"branch=z9hG4bK", b"branch=z9hG4bK-again-")
    link.messages.clear()
    local = ListenAddress("UDP", *ADDRESSES["caller"])
    link.ends["caller"].handle_datagram(again, ADDRESSES["agent"], local, link.now)
    link.settle()
    assert link.statuses() == [491]
    assert first.state is PeerReferState.ASKED


def test_a_refer_before_the_session_is_up_is_481() -> None:
    link = Link()
    link.refer().transfer.refuse(link.now)
    link.settle()
    sent: list[bytes] = []

    def keep(data: bytes) -> bytes | None:
        sent.append(data)
        return None

    link.edit = keep
    link.agent.refer(TARGET, link.now)
    link.settle()
    link.caller.bye(link.now)
    link.settle()
    link.edit = lambda data: data
    link.messages.clear()
    local = ListenAddress("UDP", *ADDRESSES["caller"])
    refer = next(one for one in sent if one.startswith(b"REFER"))
    link.ends["caller"].handle_datagram(refer, ADDRESSES["agent"], local, link.now)
    link.settle()
    assert link.statuses() == [481]


def test_a_bye_ends_a_refer_that_is_not_decided() -> None:
    link = Link()
    transfer = link.refer().transfer
    link.messages.clear()
    link.agent.bye(link.now)
    link.settle()
    assert sorted(link.statuses()) == [200, 487]
    assert transfer.state is PeerReferState.FINISHED
    assert isinstance(link.events["caller"][-1], SessionEnded)


def test_a_session_without_a_refer_ends_as_any_other() -> None:
    link = Link()
    link.caller.bye(link.now)
    link.settle()
    assert link.statuses() == [200]
    assert isinstance(link.event("caller", SessionEnded), SessionEnded)


def test_a_bye_ends_the_reports() -> None:
    link = Link()
    transfer = link.refer().transfer
    transfer.accept(link.now)
    link.settle()
    link.caller.bye(link.now)
    link.settle()
    link.messages.clear()
    transfer.report(200, link.now)
    link.run(300)
    assert link.notifies() == []
    assert all(end.timer_count == 0 for end in link.ends.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Refer-To:", b"X-Refer-To:"),
        (b"Referred-By: <", b"Refer-To: <sip:x@192.0.2.1>\r\nX: <"),
        (b"<sip:operator@", b"<<sip:operator@"),
        (b"Referred-By: <", b"Referred-By: <<"),
    ],
)
def test_a_refer_that_does_not_say_once_whom_to_call_is_400(old: bytes, new: bytes) -> None:
    link = Link()
    link.edit = lambda data: data.replace(old, new)
    link.agent.refer(TARGET, link.now)
    link.settle()
    assert link.statuses() == [400]
    assert all(isinstance(one, MessageRejected) for one in link.events["caller"])


def test_misuse_is_the_users_fault() -> None:
    link = Link()
    transfer = link.refer().transfer
    with pytest.raises(LocalError, match="PROGRESS while the peer's transfer is ASKED"):
        transfer.report(180, link.now)
    with pytest.raises(LocalError, match="makes no Status-Line"):
        transfer.report(99, link.now)
    with pytest.raises(LocalError, match="makes no Status-Line"):
        transfer.report(486, link.now, reason="Busy\r\nX: y")
    with pytest.raises(LocalError, match="refuses nothing"):
        transfer.refuse(link.now, 200)
    transfer.accept(link.now)
    with pytest.raises(LocalError, match="ACCEPT"):
        transfer.accept(link.now)
