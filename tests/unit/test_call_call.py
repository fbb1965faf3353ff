"""A call from its first message to its last row, over a real endpoint, leg and RTP port."""

import itertools
import re

import pytest

from telephony.call import (
    AnswerCall,
    CallSettings,
    CallState,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    PlayAudio,
    RedirectCall,
    RejectCall,
    RingCall,
    SendDigits,
    StartTransfer,
)
from telephony.errors import LocalError
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    Configure,
    Respond,
    SessionClosed,
    SpeechStarted,
    ToolResult,
)
from tests.support.call_bench import GRANTED, PLAN, WORD, CallBench, sdp
from tests.support.sip_peer import response

LOST = SessionClosed(is_clean=False, code=1006, reason="reset")
GREETING = Respond("Say hello")


def greetings(bench: CallBench) -> int:
    return bench.told.count(GREETING)


# ---- the way in -------------------------------------------------------------------------------


def test_a_call_rings_while_its_session_opens_and_is_answered_when_that_is_granted() -> None:
    bench = CallBench()
    bench.ring()
    assert not bench.sip.sent
    bench.command(AnswerCall(plan=PLAN))
    assert [one.status for one in bench.sip.sent] == [180]
    assert [one.epoch for one in bench.opened] == [0]
    assert isinstance(bench.told[0], Configure)
    bench.run(700)
    assert bench.call.state is CallState.OPENING
    bench.voice(GRANTED)
    assert [one.status for one in bench.sip.sent] == [180, 200]
    assert bench.row("voice.granted")["after_ms"] == 700
    assert bench.row("call.answered") == {
        "type": "call.answered",
        "codec": "PCMU",
        "ptime_ms": 20,
        "remote": "192.0.2.9:4000",
    }


def test_a_call_is_answered_after_three_seconds_without_a_session() -> None:
    bench = CallBench()
    bench.answer()
    bench.run(2999)
    assert bench.sip.sent[-1].status == 180
    bench.run(1)
    assert bench.sip.sent[-1].status == 200
    bench.acknowledge()
    bench.speaks = True
    bench.run(1000)
    assert greetings(bench) == 0
    bench.voice(GRANTED)
    assert greetings(bench) == 1


def test_the_greeting_waits_for_the_ack_and_200_ms_of_a_silent_caller() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.run(150)
    assert greetings(bench) == 0
    bench.acknowledge()
    bench.run(199)
    assert greetings(bench) == 0
    bench.run(1)
    assert greetings(bench) == 1


def test_the_greeting_starts_with_the_callers_first_packets_and_never_twice() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.acknowledge()
    bench.rtp(b"\x44" * 160)
    assert greetings(bench) == 0, "one packet proves no source"
    bench.rtp(b"\x44" * 160)
    assert greetings(bench) == 1
    bench.speaks = True
    bench.voice(GRANTED)
    bench.run(1000)
    assert greetings(bench) == 1


def test_a_caller_heard_before_the_ack_is_greeted_at_the_ack() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.speaks = True
    bench.run(60)
    assert greetings(bench) == 0
    bench.acknowledge()
    assert greetings(bench) == 1


def test_a_caller_who_gives_up_while_the_session_opens_ends_it() -> None:
    bench = CallBench()
    bench.answer()
    bench.cancel()
    assert [one.status for one in bench.sent("INVITE")] == [180, 487]
    assert bench.is_released
    assert bench.closed == [0]
    ended = bench.row("call.ended")
    assert (ended["by"], ended["duration_ms"], ended["counters"]) == ("remote", 0, {})
    assert bench.call.next_deadline() is None


def test_an_app_that_never_decides_is_answered_480_for() -> None:
    bench = CallBench()
    bench.ring()
    bench.run(9_999)
    assert not bench.is_released
    bench.run(1)
    assert bench.sent("INVITE")[-1].status == 480
    assert bench.row("trouble")["code"] == "routing.timeout"
    assert bench.is_released
    assert bench.closed == []


def test_ringing_longer_gives_the_app_as_much_longer_to_decide() -> None:
    bench = CallBench()
    bench.ring()
    bench.run(9_000)
    bench.command(RingCall(seconds=30))
    assert bench.sent("INVITE")[-1].status == 180
    bench.run(35_000)
    assert not bench.is_released
    bench.command(AnswerCall(plan=PLAN))
    assert bench.call.state is CallState.OPENING
    assert bench.call.next_deadline() == bench.now + 3 * NS_PER_SECOND


def test_a_rejected_call_says_what_the_app_said() -> None:
    bench = CallBench()
    bench.ring()
    bench.command(RejectCall(status=486, reason="At lunch"))
    assert bench.sent("INVITE")[-1].message.start_line == "SIP/2.0 486 At lunch"
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"], ended["status"]) == ("local", "At lunch", 486)


def test_a_redirected_call_names_the_other_place() -> None:
    bench = CallBench()
    bench.ring()
    bench.command(RedirectCall(contact="sip:other@192.0.2.50"))
    answer = bench.sent("INVITE")[-1]
    assert answer.status == 302
    assert answer.message.headers.get("Contact") == "<sip:other@192.0.2.50>"
    assert bench.row("call.ended")["cause"] == "redirected to sip:other@192.0.2.50"


@pytest.mark.parametrize(
    "refusal",
    [RejectCall(status=200), RejectCall(status=99), RedirectCall(contact="next door")],
)
def test_a_refusal_that_sip_cannot_say_becomes_480_and_the_call_ends(
    refusal: RejectCall | RedirectCall,
) -> None:
    bench = CallBench()
    bench.ring()
    bench.command(refusal)
    assert bench.sent("INVITE")[-1].status == 480
    assert bench.row("trouble")["code"] == "refusal.impossible"
    assert bench.is_released


def test_the_engine_that_stops_refuses_a_call_that_still_rings() -> None:
    bench = CallBench()
    bench.answer()
    bench.command(HangUp(cause="engine stopped"))
    assert bench.sent("INVITE")[-1].status == 480
    assert bench.is_released


# ---- the way out ------------------------------------------------------------------------------


def test_goodbye_is_heard_to_its_end() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.command(HangUp(after_words=True, cause="the agent hung up"))
    bench.run(1100)
    assert bench.heard(WORD) == 8000
    bench.sent_request("BYE")
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"]) == ("local", "the agent hung up")
    assert bench.closed == [0]


def test_a_plain_hang_up_does_not_wait() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.command(HangUp())
    bench.sent_request("BYE")
    assert bench.is_released


def test_a_transfer_may_still_follow_a_goodbye() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.command(HangUp(after_words=True))
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    assert bench.sent("REFER") == [], "the words go first"
    bench.run(1100)
    assert "sip:desk@192.0.2.40" in str(bench.sent_request("REFER").headers.get("Refer-To"))
    assert bench.sent("BYE") == []


def test_a_caller_who_hangs_up_ends_the_call_with_its_counters() -> None:
    bench = CallBench()
    bench.talk()
    bench.run(1000)
    bench.send("BYE", extra='Reason: Q.850;cause=16;text="done"')
    ended = bench.row("call.ended")
    assert ended["by"] == "remote"
    assert ended["cause"] == 'Q.850;cause=16;text="done"'
    assert ended["duration_ms"] == 1060
    counters = ended["counters"]
    assert isinstance(counters, dict)
    assert counters["rtp_received"] == 54
    assert counters["uplink_appended"] == (
        counters["uplink_span"] + counters["uplink_inserted"] - counters["uplink_dropped"]
    )
    assert bench.closed == [0]


def test_a_caller_whose_ack_never_comes_is_a_failure() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.run(66_000)
    assert bench.is_released
    assert bench.row("call.ended")["by"] == "failure"


def test_the_longest_call_ends() -> None:
    settings = CallSettings(max_duration_ns=Nanoseconds(5 * NS_PER_SECOND))
    bench = CallBench(settings)
    bench.talk()
    bench.run(5000)
    bench.sent_request("BYE")
    assert bench.row("trouble")["code"] == "call.too_long"
    assert bench.row("call.ended")["cause"] == "the longest call allowed is over"


def test_what_comes_after_the_end_changes_nothing() -> None:
    bench = CallBench()
    bench.talk()
    bench.send("BYE")
    rows = len(bench.rows)
    bench.voice(SpeechStarted("u", 0), LOST)
    bench.command(HangUp())
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.command(ConfigureAgent(plan=PLAN))
    bench.command(AnswerCall(plan=PLAN))
    assert len(bench.rows) == rows
    assert bench.call.is_over
    assert bench.call.call_id == "e1-call"


# ---- calls that we place ----------------------------------------------------------------------


def test_a_call_that_we_place_rings_is_answered_and_greeted() -> None:
    bench = CallBench()
    bench.place()
    invite = bench.sent_request("INVITE")
    bench.voice(GRANTED)
    bench.respond(response(invite, 180, reason="Ringing"))
    assert bench.row("call.progressed") == {
        "type": "call.progressed",
        "status": 180,
        "reason": "Ringing",
    }
    bench.respond(response(invite, 200, body=sdp()))
    bench.sent_request("ACK")
    bench.run(200)
    assert greetings(bench) == 1


def test_a_call_that_we_place_and_nobody_takes_ends() -> None:
    bench = CallBench()
    bench.place()
    bench.respond(response(bench.sent_request("INVITE"), 486, reason="Busy Here"))
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"], ended["status"]) == ("remote", "Busy Here", 486)
    assert bench.closed == [0]


def test_a_call_that_we_place_is_cancelled_when_the_session_is_lost() -> None:
    bench = CallBench()
    bench.place()
    bench.respond(response(bench.sent_request("INVITE"), 180))
    bench.voice(LOST)
    bench.sent_request("CANCEL")
    assert bench.row("call.ended")["by"] == "failure"


def test_an_answer_that_we_cannot_use_ends_a_call_that_we_place() -> None:
    bench = CallBench()
    bench.place(plan=None)
    bench.respond(response(bench.sent_request("INVITE"), 200, body=sdp(codecs="18")))
    bench.respond(response(bench.sent_request("BYE"), 200))
    ended = bench.row("call.ended")
    assert ended["by"] == "failure"
    assert "codecs" in str(ended["cause"])


def test_a_call_without_an_agent_plays_and_presses_keys() -> None:
    bench = CallBench()
    bench.place(plan=None)
    bench.respond(response(bench.sent_request("INVITE"), 200, body=sdp()))
    bench.command(PlayAudio(audio=WORD * 800))
    bench.command(SendDigits(digits="5"))
    bench.run(500)
    assert bench.heard(WORD) == 800
    events = [packet for packet in bench.packets if packet.payload_type == 101]
    assert {packet.payload[0] for packet in events} == {5}
    bench.press("1")
    bench.run(2000)
    assert bench.row("keys.collected")["keys"] == "1"


# ---- commands out of place --------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        HangUp(after_words=True),
        StartTransfer(target="sip:a@b"),
        ConfigureAgent(plan=PLAN),
        GiveToolResult(tool_call_id="c", output=""),
        SendDigits(digits="1"),
        PlayAudio(audio=b""),
    ],
)
def test_a_command_that_a_ringing_call_has_no_room_for_is_the_apps_error(command: object) -> None:
    bench = CallBench()
    bench.ring()
    with pytest.raises(LocalError, match="RECEIVED"):
        bench.call.handle_command(command, bench.now)  # type: ignore[arg-type] # one of the bodies


def test_keys_cannot_be_sent_to_who_takes_none() -> None:
    bench = CallBench()
    bench.answer(sdp(codecs="0"))
    bench.voice(GRANTED)
    bench.acknowledge()
    with pytest.raises(LocalError, match="digits"):
        bench.call.handle_command(SendDigits(digits="1"), bench.now)


def test_a_model_that_presses_keys_is_told_that_it_did() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(SendDigits(digits="12#", tool_call_id="c1"))
    assert bench.told[-1] == ToolResult("c1", "Pressing 12#.", respond=False)
    bench.run(1000)
    events = [packet for packet in bench.packets if packet.payload_type == 101]
    assert [one for one, _ in itertools.groupby(packet.payload[0] for packet in events)] == [
        1,
        2,
        11,
    ]


@pytest.mark.parametrize(
    ("codecs", "digits", "why"),
    [("0", "1", "takes no keys"), ("0 101", "1 2", "not one of"), ("0 101", "1" * 129, "128")],
)
def test_a_model_whose_keys_cannot_be_pressed_is_told_so_and_goes_on(
    codecs: str, digits: str, why: str
) -> None:
    bench = CallBench()
    bench.answer(sdp(codecs=codecs))
    bench.voice(GRANTED)
    bench.acknowledge()
    bench.command(SendDigits(digits=digits, tool_call_id="c1"))
    told = bench.told[-1]
    assert isinstance(told, ToolResult)
    assert told.respond
    assert re.match(f"error: .*{why}", told.output)
    assert (bench.row("trouble")["code"], bench.row("trouble")["fault"]) == (
        "digits.refused",
        "caller",
    )
