"""A call from its first message to its last row, over a real endpoint, leg and RTP port."""

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
    VoicePlan,
)
from telephony.errors import LocalError
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    AddText,
    AudioReceived,
    CancelResponse,
    Configure,
    DeleteItem,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionClosed,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TruncateItem,
    VoiceErrorReceived,
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


def test_an_agent_that_does_not_speak_first_waits() -> None:
    bench = CallBench(plan=PLAN.model_copy(update={"speaks_first": False}))
    bench.talk()
    bench.run(2000)
    assert not any(isinstance(one, Respond) for one in bench.told)


def test_a_caller_who_gives_up_while_the_session_opens_ends_it() -> None:
    bench = CallBench()
    bench.answer()
    bench.cancel()
    assert [one.status for one in bench.sent("INVITE")] == [180, 487]
    assert bench.is_released
    assert bench.voice_closes == 1
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
    assert bench.voice_closes == 0


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


# ---- a session that fails ---------------------------------------------------------------------


def test_a_session_lost_before_the_answer_means_an_apology_and_then_bye() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(LOST)
    assert bench.sent("INVITE")[-1].status == 200
    bench.acknowledge()
    bench.run(200)
    assert bench.heard(b"\x11") == 800, "the whole apology, once"
    bench.sent_request("BYE")
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"]) == ("failure", "the voice session was lost: reset")


def test_a_session_lost_in_mid_call_means_an_apology_in_place_of_the_words() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(3000)
    bench.run(100)
    heard = bench.heard(WORD)
    bench.voice(LOST)
    bench.run(1000)
    assert bench.heard(WORD) <= heard + 40, "but for the fade"
    assert bench.heard(b"\x11") == 800
    assert bench.is_released
    assert "voice.closed" in bench.types()


def test_a_session_never_granted_is_given_up_after_ten_seconds() -> None:
    bench = CallBench()
    bench.answer()
    bench.run(3000)
    bench.acknowledge()
    bench.run(6_999)
    assert bench.call.state is CallState.UP
    bench.run(1)
    assert bench.voice_closes == 1
    bench.voice(GRANTED, LOST)
    bench.run(1000)
    assert bench.is_released
    assert bench.heard(b"\x11") == 800
    assert bench.types().count("trouble") == 1
    assert "voice.granted" not in bench.types()


def test_a_lost_session_is_not_called_late_as_well() -> None:
    plan = PLAN.model_copy(update={"on_failure": "sip:desk@192.0.2.40"})
    bench = CallBench(plan=plan)
    bench.answer()
    bench.voice(LOST)
    bench.acknowledge()
    bench.run(12_000)
    assert bench.row("trouble")["code"] == "voice.lost"
    assert bench.types().count("trouble") == 1


def test_a_lost_session_sends_the_caller_where_the_settings_say() -> None:
    bench = CallBench(plan=PLAN.model_copy(update={"on_failure": "sip:desk@192.0.2.40"}))
    bench.talk()
    bench.voice(LOST)
    bench.run(200)
    assert bench.heard(b"\x11") == 800
    refer = bench.sent_request("REFER")
    assert refer.headers.get("Refer-To") == "<sip:desk@192.0.2.40>"
    bench.respond(response(refer, 202))
    bench.notify("SIP/2.0 200 OK", "terminated;reason=noresource")
    assert bench.row("transfer.ended")["outcome"] == "connected"
    assert bench.is_released


def test_a_lost_session_whose_transfer_fails_ends_the_call() -> None:
    bench = CallBench(plan=PLAN.model_copy(update={"on_failure": "sip:desk@192.0.2.40"}))
    bench.talk()
    bench.voice(LOST)
    bench.run(200)
    bench.respond(response(bench.sent_request("REFER"), 403))
    assert bench.row("transfer.ended")["outcome"] == "failed"
    bench.sent_request("BYE")
    assert bench.row("call.ended")["by"] == "failure"


def test_a_failed_response_is_apologized_for() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"), ResponseFinished("r", ResponseStatus.FAILED, "server_error"))
    assert bench.row("trouble") == {
        "type": "trouble",
        "code": "response.failed",
        "fault": "model",
        "text": "server_error",
    }
    bench.run(200)
    assert bench.heard(b"\x11") == 800
    assert bench.call.state is CallState.UP


def test_errors_of_the_session_are_noted_up_to_a_limit_and_harmless_ones_not() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(VoiceErrorReceived("late_cancel", "no response", is_harmless=True))
    assert "trouble" not in bench.types()
    for _ in range(30):
        bench.voice(VoiceErrorReceived("bad_event", "what?"))
    assert bench.types().count("trouble") == 19
    assert bench.call.conversation is not None
    assert bench.call.conversation.errors == 31


def test_more_audio_than_ten_minutes_cancels_the_response_once() -> None:
    bench = CallBench()
    bench.talk()
    minute = AudioReceived("r", "i", 0, WORD * (60 * 8000))
    bench.voice(ResponseStarted("r"), *([minute] * 13))
    assert bench.told == [CancelResponse("r")]
    assert bench.row("trouble")["code"] == "playout.full"
    bench.voice(ResponseFinished("r", ResponseStatus.CANCELLED))
    bench.voice(ResponseStarted("s"), AudioReceived("s", "j", 0, WORD * (8 * 60_000)))
    assert bench.told[1:] == [CancelResponse("s")], "the next one is told again"


# ---- interruption and keys --------------------------------------------------------------------


def test_speech_cuts_the_words_and_the_memory_at_what_was_sent() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(2000)
    bench.run(200)
    bench.voice(SpeechStarted("u1", 40))
    (truncation,) = bench.told
    row = bench.row("item.truncated")
    bench.run(100)
    assert row["sent_samples"] == 1640
    assert truncation == TruncateItem("item", 0, 205)
    assert bench.heard(WORD) == 1600, "40 more went out in the fade"
    assert row["received_samples"] == 16_000
    bench.voice(SpeechStopped("u1", 500))
    kinds = bench.types()
    assert kinds.index("caller.speech_started") < kinds.index("item.truncated")
    assert kinds.index("item.truncated") < kinds.index("caller.speech_stopped")


def test_an_item_never_sent_is_deleted_and_the_response_cancelled() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"), AudioReceived("r", "i", 0, WORD * 800))
    bench.voice(SpeechStarted("u1", 40))
    assert bench.told[0] == CancelResponse("r")
    assert bench.row("item.deleted") == {
        "type": "item.deleted",
        "item_id": "i",
        "received_samples": 800,
    }


def test_keys_stop_the_words_and_reach_the_model_as_one_entry() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(5000)
    bench.run(100)
    bench.press("1")
    assert isinstance(bench.told[0], TruncateItem)
    bench.told.clear()
    bench.press("2")
    bench.press("#")
    assert bench.told == [AddText("[keys 12#]"), Respond()]
    assert [row.payload.model_dump()["digit"] for row in bench.rows if row.type == "digit.pressed"]
    assert bench.row("keys.collected")["keys"] == "12#"


def test_an_entry_ends_after_two_seconds() -> None:
    bench = CallBench()
    bench.talk()
    bench.press("7")
    bench.run(1999)
    assert not bench.told
    bench.run(1)
    assert bench.told == [AddText("[keys 7]"), Respond()]


def test_a_key_by_rtp_counts_once_however_often_it_is_repeated() -> None:
    bench = CallBench()
    bench.talk()
    for duration in (160, 320, 480, 640, 640, 640):
        end = 0x8A if duration == 640 else 0x0A
        bench.rtp(bytes([5, end]) + duration.to_bytes(2, "big"), 101, timestamp=90_000)
    assert bench.row("digit.pressed") == {"type": "digit.pressed", "digit": "5", "method": "rtp"}


def test_a_key_leaves_an_agent_alone_that_it_may_not_interrupt() -> None:
    bench = CallBench(plan=PLAN.model_copy(update={"may_be_interrupted_by_keys": False}))
    bench.talk()
    bench.say(1000)
    bench.run(100)
    bench.press("1")
    assert not bench.told


def test_info_that_names_no_key_is_no_key() -> None:
    bench = CallBench()
    bench.talk()
    bench.send("INFO", body=b"Signal=K", content_type="application/dtmf-relay")
    assert "digit.pressed" not in bench.types()


def test_keys_pressed_before_the_caller_hung_up_are_not_told_afterwards() -> None:
    bench = CallBench()
    bench.talk()
    bench.press("1")
    bench.send("BYE")
    assert bench.types()[-1] == "call.ended"
    assert bench.call.next_deadline() is None
    bench.call.handle_timer(Nanoseconds(bench.now + 10 * NS_PER_SECOND))
    assert bench.call.poll_output() is None


def test_keys_that_end_after_a_transfer_began_do_not_make_the_agent_speak() -> None:
    bench = CallBench()
    bench.talk()
    bench.press("1")
    bench.told.clear()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.run(3000)
    assert not bench.told
    assert bench.row("keys.collected")["keys"] == "1"


# ---- tools and agents -------------------------------------------------------------------------


def test_a_tool_that_takes_long_is_filled_and_its_result_handed_on() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(20)
    bench.run(100)
    bench.voice(ToolCalled("r", "i", "c1", "order_status", "{}"))
    assert bench.row("tool.requested") == {
        "type": "tool.requested",
        "tool_call_id": "c1",
        "name": "order_status",
        "arguments": "{}",
    }
    bench.run(1900)
    assert bench.heard(b"\x22") == 0
    bench.run(200)
    assert bench.heard(b"\x22") == 480
    bench.run(2_200)
    assert bench.heard(b"\x22") == 480
    bench.run(500)
    assert bench.heard(b"\x22") == 960, "again, 2.5 s after the first was over"
    bench.command(GiveToolResult(tool_call_id="c1", output="shipped"))
    assert bench.told == [ToolResult("c1", "shipped", respond=True)]


def test_no_filler_talks_into_words_that_are_on_their_way() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(4000)
    bench.voice(ToolCalled("r", "i", "c1", "order_status", "{}"))
    bench.run(4500)
    assert bench.heard(b"\x22") == 0


def test_a_pending_tool_leaves_nothing_behind_when_the_call_ends() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ToolCalled("r", "i", "c1", "order_status", "{}"))
    bench.send("BYE")
    assert bench.call.next_deadline() is None


def test_a_handoff_keeps_the_session_and_the_words() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    other = VoicePlan(url=PLAN.url, agent="billing", instructions="Bill them")
    bench.command(ConfigureAgent(plan=other))
    (configured,) = bench.told
    assert isinstance(configured, Configure)
    assert configured.settings.instructions == "Bill them"
    agents = [row.payload.model_dump()["agent"] for row in bench.rows if "agent.conf" in row.type]
    assert agents == ["reception", "billing"]
    assert len(bench.opened) == 1
    bench.run(1200)
    assert bench.heard(WORD) == 8000


# ---- transfers --------------------------------------------------------------------------------


def test_a_transfer_waits_for_the_words_then_connects_and_hangs_up_at_once() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.command(StartTransfer(target="sip:desk@192.0.2.40", tool_call_id="c1"))
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
    bench.command(StartTransfer(target="sip:desk@192.0.2.40", tool_call_id="c1"))
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
    assert bench.voice_closes == 1


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
    bench.run(1100)
    bench.sent_request("REFER")


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
    assert counters["rtp_received"] == 53
    assert counters["uplink_appended"] == (
        counters["uplink_span"] + counters["uplink_inserted"] - counters["uplink_dropped"]
    )
    assert bench.voice_closes == 1


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


# ---- hold, re-INVITE, delayed offer -----------------------------------------------------------


def test_a_held_call_sends_and_appends_nothing_and_goes_on_where_it_was() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(1000)
    bench.run(200)
    assert bench.reinvite(sdp("sendonly", version=2)) == 200
    appended, heard = len(bench.appended), bench.heard(WORD)
    bench.run(2000)
    assert (len(bench.appended), bench.heard(WORD)) == (appended, heard)
    assert bench.types()[-1] == "call.held"
    assert bench.reinvite(sdp("sendrecv", version=3)) == 200
    bench.run(2000)
    assert bench.heard(WORD) == 8000
    assert len(bench.appended) > appended
    assert bench.types().count("call.held") == bench.types().count("call.resumed") == 1


def test_a_resume_during_a_transfer_leaves_the_gate_shut() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.reinvite(sdp("sendonly", version=2))
    bench.reinvite(sdp("sendrecv", version=3))
    assert bench.port.uplink.is_gated


def test_a_failed_transfer_of_a_held_call_leaves_the_gate_shut_until_the_resume() -> None:
    bench = CallBench()
    bench.talk()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    refer = bench.sent_request("REFER")
    bench.reinvite(sdp("sendonly", version=2))
    bench.respond(response(refer, 486))
    assert bench.port.uplink.is_gated
    bench.reinvite(sdp("sendrecv", version=3))
    assert not bench.port.uplink.is_gated


def test_a_bad_offer_leaves_the_session_as_it_was() -> None:
    bench = CallBench()
    bench.talk()
    for bad in (sdp(codecs="18", version=2), b"garbage", sdp(address="2001:db8::1", version=2)):
        assert bench.reinvite(bad) == 488
    before = len(bench.packets)
    bench.run(100)
    assert len(bench.packets) == before + 5
    assert bench.call.state is CallState.UP


def test_a_call_without_an_offer_is_joined_at_the_ack() -> None:
    bench = CallBench()
    bench.answer(b"")
    bench.voice(GRANTED)
    assert b"m=audio 16384" in bench.sent("INVITE")[-1].transmit.data
    assert "call.answered" not in bench.types()
    bench.acknowledge(sdp())
    assert bench.row("call.answered")["remote"] == "192.0.2.9:4000"
    bench.run(200)
    assert greetings(bench) == 1


def test_a_session_lost_before_a_delayed_answer_is_apologized_for_when_it_can_be_heard() -> None:
    bench = CallBench()
    bench.answer(b"")
    bench.voice(LOST)
    bench.run(100)
    assert not bench.is_released
    bench.acknowledge(sdp())
    bench.run(200)
    assert bench.heard(b"\x11") == 800
    bench.sent_request("BYE")


@pytest.mark.parametrize("body", [b"", sdp(codecs="18"), b"garbage"])
def test_a_delayed_offer_without_a_usable_answer_is_hung_up_on(body: bytes) -> None:
    bench = CallBench()
    bench.answer(b"")
    bench.voice(GRANTED)
    bench.acknowledge(body)
    bye = bench.sent_request("BYE")
    bench.respond(response(bye, 200))
    assert bench.is_released
    assert bench.row("call.ended")["by"] == "failure"


def test_a_call_held_from_its_first_message_is_not_spoken_to() -> None:
    bench = CallBench()
    bench.answer(sdp("sendonly"))
    bench.voice(GRANTED)
    bench.acknowledge()
    bench.speaks = True
    bench.run(100)
    assert not bench.packets
    assert not bench.appended
    assert "call.held" in bench.types()


def test_another_packet_length_makes_the_leg_tick_at_another_pace() -> None:
    bench = CallBench()
    bench.talk()
    assert bench.paces == [20]
    assert bench.reinvite(sdp(version=2, ptime_ms=40)) == 200
    assert bench.reinvite(sdp(version=3, ptime_ms=40)) == 200
    assert bench.paces == [20, 40]
    assert bench.port.settings.ptime_ms == 40


def test_a_reinvite_without_an_offer_is_offered_to_and_its_answer_read() -> None:
    bench = CallBench()
    bench.talk()
    assert bench.reinvite(b"", answer=sdp("sendonly", version=2)) == 200
    assert bench.types()[-1] == "call.held"


@pytest.mark.parametrize("answer", [b"", b"garbage", sdp(codecs="18", version=2)])
def test_a_reinvite_whose_answer_is_no_use_leaves_the_session_as_it_was(answer: bytes) -> None:
    bench = CallBench()
    bench.talk()
    assert bench.reinvite(b"", answer=answer) == 200
    assert bench.call.state is CallState.UP
    assert not bench.sent("BYE")
    assert bench.reinvite(sdp("sendonly", version=3)) == 200
    assert bench.types()[-1] == "call.held"


def test_a_description_that_an_ack_brings_unasked_is_left_alone() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.acknowledge(sdp("sendonly", version=2))
    assert bench.call.state is CallState.UP
    assert "call.held" not in bench.types()


def test_audio_of_a_response_cancelled_before_its_first_word_is_deleted() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"), SpeechStarted("u1", 40))
    assert bench.told == [CancelResponse("r")]
    bench.voice(AudioReceived("r", "late", 0, WORD * 800))
    assert bench.told[1:] == [DeleteItem("late")]
    bench.run(100)
    assert bench.heard(WORD) == 0


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
    assert bench.voice_closes == 1


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
