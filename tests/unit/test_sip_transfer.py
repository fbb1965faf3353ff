"""Transfers we ask for: REFER, the reports, and every outcome there is."""

import pytest

from telephony.errors import LocalError
from telephony.sip import (
    AckReceived,
    IncomingInvite,
    IncomingSession,
    NameAddr,
    ReferAccepted,
    ReferFinished,
    ReferProgressed,
    Request,
    SessionState,
    SipUri,
    TransferOutcome,
)
from telephony.sip.refer import outcome_of
from tests.support.sip_peer import ANSWER, OFFER, Bench, request, response, tag_of

TARGET = SipUri("sip", "operator", None, "192.0.2.40")


class Call:
    """A call that is up, with a transfer asked for."""

    def __init__(self, bench: Bench, *, refer: bool = True) -> None:
        self.bench = bench
        bench.receive(request("INVITE", body=OFFER))
        self.session: IncomingSession = bench.event(IncomingInvite).session
        self.session.answer(ANSWER, bench.now)
        self.tag = tag_of(bench.take_response().headers.get("To"))
        bench.receive(request("ACK", branch="z9hG4bK-ack", to_tag=self.tag))
        bench.event(AckReceived)
        self.cseq = 1
        if refer:
            self.session.refer(TARGET, bench.now)
            self.refer: Request = bench.take_request()

    def notify(
        self,
        fragment: str | None,
        state: str = "active;expires=60",
        event: str = "refer",
    ) -> int | None:
        """Have a report come in; give the status it was answered with."""
        self.cseq += 1
        body = b"" if fragment is None else f"{fragment}\r\n".encode()
        self.bench.receive(
            request(
                "NOTIFY",
                branch=f"z9hG4bK-notify-{self.cseq}",
                to_tag=self.tag,
                cseq=self.cseq,
                extra=f"Event: {event}\nSubscription-State: {state}",
                body=body,
                content_type="message/sipfrag;version=2.0",
            )
        )
        return self.bench.take()[-1].status

    def bye(self) -> None:
        self.cseq += 1
        self.bench.receive(request("BYE", branch="z9hG4bK-bye", to_tag=self.tag, cseq=self.cseq))
        self.bench.take()

    def finished(self) -> tuple[TransferOutcome, int | None]:
        event = self.bench.event(ReferFinished)
        return event.outcome, event.status


def accepted(bench: Bench, status: int = 202, extra: str = "") -> Call:
    call = Call(bench)
    bench.receive(response(call.refer, status, extra=extra))
    bench.event(ReferAccepted)
    return call


def test_refer_says_whom_to_call_and_who_asks() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.refer.start_line == "REFER sip:peer@192.0.2.9:5070 SIP/2.0"
    assert call.refer.headers.get("Refer-To") == "<sip:operator@192.0.2.40>"
    assert call.refer.headers.get("Referred-By") == "<sip:agent@192.0.2.1>"
    assert call.refer.headers.get("Contact") == "<sip:e1-0@192.0.2.1:5060>"
    assert "Refer-Sub" not in call.refer.headers


def test_refer_takes_an_attended_target_another_referrer_and_headers() -> None:
    bench = Bench()
    call = Call(bench, refer=False)
    target = SipUri("sip", "x", None, "192.0.2.40", headers=(("Replaces", "a%40b%3Bto-tag%3Dc"),))
    by = NameAddr("Desk", SipUri("sip", "desk", None, "192.0.2.1"))
    call.session.refer(
        target, bench.now, referred_by=by, headers=[("X-Note", "hi")], subscribe=False
    )
    refer = bench.take_request()
    assert refer.headers.get("Refer-To") == "<sip:x@192.0.2.40?Replaces=a%40b%3Bto-tag%3Dc>"
    assert refer.headers.get("Referred-By") == '"Desk" <sip:desk@192.0.2.1>'
    assert refer.headers.get("X-Note") == "hi"
    assert refer.headers.get("Refer-Sub") == "false"
    assert "norefersub" in (refer.headers.get("Supported") or "")


@pytest.mark.parametrize("status", [200, 202])
def test_a_transfer_is_reported_and_connected(status: int) -> None:
    bench = Bench()
    call = accepted(bench, status)
    assert call.notify("SIP/2.0 100 Trying") == 200
    assert bench.event(ReferProgressed).status == 100
    assert call.notify("SIP/2.0 180 Ringing") == 200
    progressed = bench.event(ReferProgressed)
    assert (progressed.status, progressed.reason) == (180, "Ringing")
    assert call.notify("SIP/2.0 200 OK", "terminated;reason=noresource") == 200
    assert call.finished() == (TransferOutcome.CONNECTED, 200)
    call.session.bye(bench.now)
    assert bench.take_request().method == "BYE"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, TransferOutcome.BUSY),
        (600, TransferOutcome.BUSY),
        (408, TransferOutcome.NO_ANSWER),
        (480, TransferOutcome.NO_ANSWER),
        (487, TransferOutcome.CANCELLED),
        (603, TransferOutcome.DECLINED),
        (607, TransferOutcome.DECLINED),
        (404, TransferOutcome.FAILED),
        (302, TransferOutcome.FAILED),
        (503, TransferOutcome.FAILED),
    ],
)
def test_a_transfer_that_fails_keeps_the_call(status: int, outcome: TransferOutcome) -> None:
    bench = Bench()
    call = accepted(bench)
    assert call.notify(f"SIP/2.0 {status} Whatever", "terminated;reason=noresource") == 200
    assert call.finished() == (outcome, status)
    assert call.session.state is SessionState.ESTABLISHED
    call.session.refer(TARGET, bench.now)
    assert bench.take_request().cseq.number == 2
    assert outcome_of(status) is outcome


def test_a_final_status_in_a_report_that_is_not_the_last_decides_too() -> None:
    bench = Bench()
    call = accepted(bench)
    assert call.notify("SIP/2.0 200 OK", "active;expires=60") == 200
    assert call.finished() == (TransferOutcome.CONNECTED, 200)
    assert call.notify("SIP/2.0 200 OK", "terminated;reason=noresource") == 200
    assert bench.event_kinds() == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (405, TransferOutcome.FAILED),
        (408, TransferOutcome.FAILED),
        (481, TransferOutcome.FAILED),
        (486, TransferOutcome.FAILED),
        (603, TransferOutcome.DECLINED),
    ],
)
def test_a_refused_refer_keeps_the_call(status: int, outcome: TransferOutcome) -> None:
    bench = Bench()
    call = Call(bench)
    bench.receive(response(call.refer, status))
    assert call.finished() == (outcome, status)
    assert call.session.state is SessionState.ESTABLISHED


def test_a_refer_nobody_answers_keeps_the_call() -> None:
    bench = Bench()
    call = Call(bench)
    bench.run(32_000)
    assert call.finished() == (TransferOutcome.FAILED, 408)
    assert call.session.state is SessionState.ESTABLISHED


def test_a_report_before_the_202_is_accepted() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.notify("SIP/2.0 100 Trying") == 200
    assert bench.event_kinds() == ["ReferAccepted", "ReferProgressed"]
    bench.receive(response(call.refer, 202))
    assert bench.event_kinds() == []
    call.notify("SIP/2.0 200 OK", "terminated")
    assert call.finished() == (TransferOutcome.CONNECTED, 200)


def test_the_last_report_before_the_202_decides() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.notify("SIP/2.0 486 Busy", "terminated") == 200
    assert bench.event_kinds() == ["ReferAccepted", "ReferFinished"]
    bench.receive(response(call.refer, 202))
    assert bench.event_kinds() == []


@pytest.mark.parametrize("fragment", ["SIP/2.0 100 Trying", None, "no sipfrag at all"])
def test_a_subscription_that_ends_undecided_waits_4_s_for_the_bye(fragment: str | None) -> None:
    bench = Bench()
    call = accepted(bench)
    call.notify(fragment, "terminated;reason=timeout")
    bench.run(3_999)
    assert bench.event_kinds() == []
    bench.run(1)
    assert call.finished()[0] is TransferOutcome.HANDED_OFF
    assert call.session.state is SessionState.ESTABLISHED


def test_a_subscription_that_ends_undecided_before_the_202_waits_too() -> None:
    bench = Bench()
    call = Call(bench)
    call.notify(None, "terminated")
    bench.event(ReferAccepted)
    call.bye()
    assert bench.event_kinds() == ["ReferFinished", "SessionEnded"]


def test_refer_sub_false_waits_4_s_for_the_bye() -> None:
    bench = Bench()
    call = accepted(bench, 200, "Refer-Sub: false")
    assert call.notify("SIP/2.0 180 Ringing") == 200
    bench.run(4_000)
    assert call.finished() == (TransferOutcome.HANDED_OFF, 180)


def test_a_report_that_overtook_the_end_of_the_subscription_decides() -> None:
    bench = Bench()
    call = accepted(bench)
    call.notify(None, "terminated")
    call.notify("SIP/2.0 486 Busy Here", "terminated")
    assert call.finished() == (TransferOutcome.BUSY, 486)


def test_the_peers_bye_after_the_202_means_handed_off() -> None:
    bench = Bench()
    call = accepted(bench)
    call.notify("SIP/2.0 180 Ringing")
    bench.event(ReferProgressed)
    call.bye()
    finished, ended = bench.events
    assert isinstance(finished, ReferFinished)
    assert (finished.outcome, finished.status) == (TransferOutcome.HANDED_OFF, 180)
    assert type(ended).__name__ == "SessionEnded"
    assert call.notify("SIP/2.0 200 OK", "terminated") == 481


def test_the_peers_bye_before_the_202_means_cancelled() -> None:
    bench = Bench()
    call = Call(bench)
    call.bye()
    finished = bench.events[0]
    assert isinstance(finished, ReferFinished)
    assert finished.outcome is TransferOutcome.CANCELLED
    bench.receive(response(call.refer, 481))
    assert bench.event_kinds() == ["ReferFinished", "SessionEnded"]
    bench.run(70_000)
    bench.assert_clean()


def test_no_report_for_32_s_is_unknown() -> None:
    bench = Bench()
    call = accepted(bench)
    bench.run(31_999)
    assert bench.event_kinds() == []
    bench.run(1)
    assert call.finished() == (TransferOutcome.UNKNOWN, None)


@pytest.mark.parametrize(
    ("state", "gap_ms"),
    [
        ("active;expires=60", 60_000),
        ("active;expires=5", 32_000),
        ("active", 300_000),
        ("active;expires=86400", 300_000),
        ("active;expires=soon", 300_000),
    ],
)
def test_after_a_report_the_next_is_awaited_while_the_subscription_lasts(
    state: str, gap_ms: int
) -> None:
    bench = Bench()
    call = accepted(bench)
    call.notify("SIP/2.0 180 Ringing", state)
    bench.event(ReferProgressed)
    bench.run(gap_ms - 1)
    assert bench.event_kinds() == []
    bench.run(1)
    assert call.finished() == (TransferOutcome.UNKNOWN, 180)


def test_a_report_without_a_status_that_is_not_the_last_says_nothing() -> None:
    bench = Bench()
    call = accepted(bench)
    assert call.notify(None, "pending") == 200
    assert bench.event_kinds() == []


def test_a_report_whose_state_cannot_be_read_still_counts() -> None:
    bench = Bench()
    call = accepted(bench)
    assert call.notify("SIP/2.0 180 Ringing", "<<") == 200
    assert bench.event(ReferProgressed).status == 180
    assert call.notify("SIP/2.0 200 OK", "active;expires=soon") == 200
    assert call.finished() == (TransferOutcome.CONNECTED, 200)


def test_a_report_whose_event_cannot_be_read_gets_400() -> None:
    bench = Bench()
    call = accepted(bench)
    assert call.notify("SIP/2.0 180 Ringing", event="<<") == 400


def test_a_report_names_its_refer_or_none() -> None:
    bench = Bench()
    call = accepted(bench)
    assert call.notify("SIP/2.0 100 Trying", event="refer;id=1") == 200
    assert call.notify("SIP/2.0 100 Trying", event="refer;x=y") == 200
    assert call.notify("SIP/2.0 200 OK", event="refer;id=77") == 481
    assert bench.event_kinds() == ["ReferProgressed", "ReferProgressed"]


def test_a_report_that_names_no_refer_is_about_the_first_of_the_call() -> None:
    bench = Bench()
    call = accepted(bench)
    call.notify("SIP/2.0 486 Busy", "active;expires=60")
    assert call.finished() == (TransferOutcome.BUSY, 486)
    call.session.refer(TARGET, bench.now)
    second = bench.take_request()
    bench.receive(response(second, 202))
    bench.event(ReferAccepted)
    assert call.notify("SIP/2.0 486 Busy", "terminated;reason=noresource") == 200
    assert bench.event_kinds() == []
    name = f"refer;id={second.cseq.number}"
    assert call.notify("SIP/2.0 200 OK", "terminated;reason=noresource", name) == 200
    assert call.finished() == (TransferOutcome.CONNECTED, 200)


def test_a_refer_that_was_refused_is_not_the_first_of_the_call() -> None:
    bench = Bench()
    call = Call(bench)
    bench.receive(response(call.refer, 603))
    call.finished()
    assert call.notify("SIP/2.0 100 Trying") == 481, "nothing was subscribed to"
    call.session.refer(TARGET, bench.now)
    bench.receive(response(bench.take_request(), 202))
    bench.event(ReferAccepted)
    assert call.notify("SIP/2.0 200 OK", "terminated;reason=noresource") == 200
    assert call.finished() == (TransferOutcome.CONNECTED, 200)


def test_a_notify_of_another_package_gets_489_and_one_without_refer_481() -> None:
    bench = Bench()
    call = Call(bench, refer=False)
    assert call.notify("SIP/2.0 200 OK", event="presence") == 489
    assert call.notify("SIP/2.0 200 OK") == 481


def test_a_second_transfer_has_to_wait_for_the_first() -> None:
    bench = Bench()
    call = Call(bench)
    with pytest.raises(LocalError, match="under way"):
        call.session.refer(TARGET, bench.now)


def test_transfers_of_one_call_are_not_kept_without_end() -> None:
    bench = Bench()
    call = Call(bench, refer=False)
    for number in range(1, 12):
        call.session.refer(TARGET, bench.now)
        bench.receive(response(bench.take_request(), 202))
        call.notify("SIP/2.0 486 Busy", "terminated", f"refer;id={number}")
    assert call.notify("SIP/2.0 486 Busy", "terminated", "refer;id=11") == 200
    assert call.notify("SIP/2.0 486 Busy", "terminated", "refer;id=1") == 481


def test_a_transfer_the_peer_asks_for_is_not_allowed() -> None:
    bench = Bench()
    call = Call(bench, refer=False)
    bench.receive(
        request(
            "REFER",
            branch="z9hG4bK-refer",
            to_tag=call.tag,
            cseq=2,
            extra="Refer-To: <sip:elsewhere@192.0.2.66>",
        )
    )
    refusal = bench.take_response()
    assert refusal.status == 405
    assert refusal.headers.get("Allow") == "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY"
    assert bench.event_kinds() == []
