"""Transfers: words first, then REFER, and every way that one can end."""

import pytest

from telephony.call import (
    CallCommandBody,
    CallSettings,
    CallState,
    GiveToolResult,
    HangUp,
    StartTransfer,
)
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    ToolResult,
)
from tests.support.call_bench import GRANTED, WORD, CallBench
from tests.support.sip_peer import response

GREETING = Respond("Say hello")


def greetings(bench: CallBench) -> int:
    return bench.told.count(GREETING)


# ---- transfers --------------------------------------------------------------------------------


def test_a_transfer_waits_for_the_words_then_connects_and_hangs_up_at_once() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.run(900)
    assert not bench.sent("REFER")
    bench.run(200)
    assert bench.heard(WORD) == 8000
    refer = bench.sent_request("REFER")
    assert bench.types()[-2:] == ["playout.finished", "transfer.started"]
    bench.respond(response(refer, 202))
    bench.notify("SIP/2.0 180 Ringing")
    assert bench.row("transfer.progressed")["status"] == 180
    assert not bench.sent("BYE")
    bench.notify("SIP/2.0 200 OK", "terminated;reason=noresource")
    bench.sent_request("BYE")
    assert bench.types()[-2:] == ["transfer.ended", "call.ended"]
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"]) == ("local", "transferred: connected")


def test_a_transfer_waits_for_words_that_are_still_to_come() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"))
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.run(500)
    assert not bench.sent("REFER")
    bench.voice(ResponseFinished("r", ResponseStatus.COMPLETED))
    bench.sent_request("REFER")


def test_a_transfer_waits_fifteen_seconds_at_most() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(60_000)
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.run(14_999)
    assert not bench.sent("REFER")
    bench.run(1)
    bench.sent_request("REFER")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("486 Busy Here", "busy"), ("480 No", "no_answer"), ("603 No", "declined")],
)
def test_a_transfer_that_fails_gives_the_caller_back_with_the_gate_open(
    status: str, outcome: str
) -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    assert bench.port.uplink.is_gated
    before = len(bench.appended)
    bench.run(1000)
    assert len(bench.appended) == before, "nothing goes up while the transfer is pending"
    bench.respond(response(bench.sent_request("REFER"), 202))
    bench.notify(f"SIP/2.0 {status}", "terminated;reason=noresource")
    assert bench.row("transfer.ended")["outcome"] == outcome
    assert bench.call.state is CallState.UP
    bench.run(1000)
    assert len(bench.appended) - before >= 7_900
    bench.command(GiveToolResult(tool_call_id="c1", output=outcome))
    assert bench.told == [ToolResult("c1", outcome, respond=True)]


def test_a_transfer_of_which_nothing_is_heard_ends_as_unknown() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.respond(response(bench.sent_request("REFER"), 202))
    bench.run(400_000)
    assert bench.row("transfer.ended")["outcome"] == "unknown"
    assert bench.call.state is CallState.UP


def test_a_far_end_that_hangs_up_instead_of_reporting_ends_the_call() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.respond(response(bench.sent_request("REFER"), 202))
    bench.send("BYE")
    assert "transfer.ended" in bench.types()
    assert bench.is_released
    assert not [one for one in bench.sent("BYE") if one.status is None], "no BYE of ours"


def test_a_target_that_is_no_uri_fails_and_the_agent_goes_on() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="my cousin"))
    assert bench.row("trouble")["code"] == "transfer.refused"
    assert bench.row("transfer.ended")["outcome"] == "failed"
    assert bench.call.state is CallState.UP
    assert not bench.port.uplink.is_gated


def test_a_second_transfer_while_one_is_pending_changes_nothing() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.command(StartTransfer(target="sip:other@192.0.2.41"))
    bench.respond(response(bench.sent_request("REFER"), 486))
    assert bench.row("transfer.ended")["target"] == "sip:desk@192.0.2.40"


GOODBYE = HangUp(after_words=True, cause="the agent hung up")
TO_DESK = StartTransfer(target="sip:desk@192.0.2.40")


@pytest.mark.parametrize("commands", [(TO_DESK, GOODBYE), (GOODBYE, TO_DESK)])
@pytest.mark.parametrize("is_taken", [True, False])
def test_a_goodbye_with_a_transfer_leaves_the_end_to_the_transfer(
    commands: tuple[CallCommandBody, ...], *, is_taken: bool
) -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    for command in commands:
        bench.command(command)
    bench.run(1100)
    assert not bench.sent("BYE")
    bench.respond(response(bench.sent_request("REFER"), 202 if is_taken else 486))
    if is_taken:
        bench.notify("SIP/2.0 200 OK", "terminated;reason=noresource")
        bench.sent_request("BYE")
        assert bench.row("call.ended")["cause"] == "transferred: connected"
    else:
        assert bench.row("transfer.ended")["outcome"] == "failed"
        assert bench.call.state is CallState.UP
        bench.run(1000)
        assert not bench.sent("BYE")
        bench.lose_for_good()
        bench.run(1000)
        assert "voice session was lost" in str(bench.row("call.ended")["cause"])


def test_a_goodbye_after_the_refer_does_not_stop_it() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(TO_DESK)
    refer = bench.sent_request("REFER")
    bench.command(GOODBYE)
    assert not bench.sent("BYE")
    bench.respond(response(refer, 202))
    bench.notify("SIP/2.0 200 OK", "terminated;reason=noresource")
    bench.sent_request("BYE")


def test_a_call_transferred_before_its_ack_is_greeted_and_bounded_when_that_fails() -> None:
    bench = CallBench(CallSettings(max_duration_ns=Nanoseconds(3 * NS_PER_SECOND)))
    bench.answer()
    bench.voice(GRANTED)
    bench.command(StartTransfer(target="my cousin"))
    assert bench.call.state is CallState.UP
    bench.acknowledge()
    bench.run(1000)
    assert greetings(bench) == 1
    bench.run(2500)
    assert bench.row("call.ended")["cause"] == "the longest call allowed is over"


# ---- a transfer that our own end cuts short --------------------------------------------------


def test_a_call_that_we_end_ends_its_transfer_first() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(TO_DESK)
    bench.sent_request("REFER")
    bench.command(HangUp(cause="engine stopped"))
    assert bench.types()[-2:] == ["transfer.ended", "call.ended"]
    assert bench.row("transfer.ended")["outcome"] == "cancelled"
    assert bench.row("call.ended")["cause"] == "engine stopped"


def test_a_transfer_that_was_never_started_is_not_ended() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.command(TO_DESK)
    bench.command(HangUp())
    assert "transfer.ended" not in bench.types()


def test_a_model_lost_during_a_transfer_that_fails_is_apologized_for() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(TO_DESK)
    refer = bench.sent_request("REFER")
    bench.lose_for_good()
    bench.respond(response(refer, 486))
    assert bench.row("transfer.ended")["outcome"] == "failed"
    assert not bench.sent("BYE")
    bench.run(1_000)
    assert bench.heard(b"\x11") == 800
    bench.sent_request("BYE")
    assert "voice session was lost" in str(bench.row("call.ended")["cause"])
