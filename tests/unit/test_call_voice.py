"""What a voice session does to a call: its failures, interruptions, keys, tools, other agents."""

import pytest

from telephony.call import (
    AnswerCall,
    CallState,
    ConfigureAgent,
    DigitPressed,
    GiveToolResult,
    HangUp,
    PlayAudio,
    StartTransfer,
    VoicePlan,
)
from telephony.units import NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    AddText,
    AgentTranscribed,
    AudioReceived,
    CallerTranscribed,
    CancelResponse,
    Configure,
    DigitReceived,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionClosed,
    SessionGranted,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TruncateItem,
    UnknownEventReceived,
    VoiceErrorReceived,
    VoiceFormat,
)
from tests.support.call_bench import GRANTED, PLAN, WORD, CallBench, sdp
from tests.support.sip_peer import response

LOST = SessionClosed(is_clean=False, code=1006, reason="reset")
GREETING = Respond("Say hello")


def greetings(bench: CallBench) -> int:
    return bench.told.count(GREETING)


# ---- a session that comes late, or is slow ----------------------------------------------------


def test_caller_who_is_answered_before_the_session_is_there_is_asked_for_patience() -> None:
    bench = CallBench()
    bench.answer()
    bench.run(3_100)
    bench.acknowledge()
    bench.run(2_300)
    assert bench.heard(b"\x22") == 480
    bench.run(2_600)
    assert bench.heard(b"\x22") == 960, "again, while the session is still missing"
    bench.voice(GRANTED)
    assert greetings(bench) == 1


def test_caller_whose_words_nobody_takes_is_asked_for_patience_now_and_then() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(20)
    bench.run(100)
    for _ in range(50):
        bench.port.handle_backlog_dropped(0, 1)
        bench.run(20)
    assert bench.heard(b"\x22") == 480
    bench.run(1_600)
    bench.port.handle_backlog_dropped(0, 1)
    bench.run(200)
    assert bench.heard(b"\x22") == 960


def test_no_filler_talks_into_words_because_the_uplink_is_blocked() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(500)
    bench.run(100)
    bench.port.handle_backlog_dropped(0, 1)
    bench.run(600)
    assert bench.heard(b"\x22") == 0


def test_an_uplink_that_is_blocked_before_the_call_is_up_is_nobodys_silence() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.port.handle_backlog_dropped(0, 1)
    bench.run(200)
    assert bench.heard(b"\x22") == 0


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


def test_a_session_lost_for_good_means_an_apology_in_place_of_the_words() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(3000)
    bench.run(100)
    bench.lose_for_good()
    heard = bench.heard(WORD)
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
    assert bench.closed == [0]
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
    bench.lose_for_good()
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
    bench.lose_for_good()
    bench.run(200)
    bench.respond(response(bench.sent_request("REFER"), 403))
    assert bench.row("transfer.ended")["outcome"] == "failed"
    bench.sent_request("BYE")
    assert bench.row("call.ended")["by"] == "failure"


def fail(bench: CallBench, status: ResponseStatus = ResponseStatus.FAILED) -> None:
    """Have the model end a response with nothing said."""
    bench.voice(ResponseStarted("r"), ResponseFinished("r", status, "server_error"))


def test_a_failed_response_is_asked_for_again_behind_a_word_of_patience() -> None:
    bench = CallBench()
    bench.talk()
    fail(bench)
    assert bench.row("trouble") == {
        "type": "trouble",
        "code": "response.failed",
        "fault": "model",
        "text": "server_error",
    }
    assert not bench.told
    bench.run(200)
    assert bench.heard(b"\x22") == 480
    assert bench.told == [GREETING], "what was asked for before"
    assert bench.call.state is CallState.UP
    bench.run(3_000)
    assert bench.heard(b"\x22") > 480, "the second try is waited for no longer than the first"


@pytest.mark.parametrize("status", [ResponseStatus.FAILED, ResponseStatus.INCOMPLETE])
def test_a_session_that_only_fails_is_given_up_with_one_apology(status: ResponseStatus) -> None:
    bench = CallBench()
    bench.talk()
    for failures in range(1, 4):
        assert bench.call.state is CallState.UP
        fail(bench, status)
        assert bench.types().count("trouble") == failures + (failures == 3)
        bench.run(200)
    bench.run(1_000)
    assert bench.heard(b"\x11") == 800
    assert bench.is_released
    troubles = [row.payload.model_dump()["code"] for row in bench.rows if row.type == "trouble"]
    assert troubles == [f"response.{status.value}"] * 3 + ["voice.failing"]
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"]) == (
        "failure",
        "the voice session was lost: it failed 3 responses in a row",
    )


def test_a_session_that_only_fails_sends_the_caller_where_the_settings_say() -> None:
    bench = CallBench(plan=PLAN.model_copy(update={"on_failure": "sip:desk@192.0.2.40"}))
    bench.talk()
    for _ in range(3):
        fail(bench)
        bench.run(200)
    assert bench.heard(b"\x11") == 800
    refer = bench.sent_request("REFER")
    assert refer.headers.get("Refer-To") == "<sip:desk@192.0.2.40>"


@pytest.mark.parametrize("status", [ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE])
def test_a_response_that_was_heard_begins_the_count_of_failures_anew(
    status: ResponseStatus,
) -> None:
    bench = CallBench()
    bench.talk()
    for _ in range(4):
        fail(bench)
        bench.run(200)
        fail(bench)
        bench.run(200)
        word = AudioReceived("w", "i", 0, WORD * 800)
        bench.voice(ResponseStarted("w"), word, ResponseFinished("w", status))
        bench.run(200)
    assert bench.call.state is CallState.UP
    assert bench.heard(b"\x11") == 0
    assert bench.told == [GREETING] * 2 + [Respond()] * 6, "a greeting given is not repeated"


def test_a_response_that_calls_a_tool_has_not_failed_for_want_of_words() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"), ToolCalled("r", "i", "c1", "order_status", "{}"))
    bench.voice(ResponseFinished("r", ResponseStatus.INCOMPLETE))
    assert "trouble" not in bench.types()


def test_a_cancelled_response_is_neither_a_failure_nor_a_success() -> None:
    bench = CallBench()
    bench.talk()
    for status in (ResponseStatus.FAILED, ResponseStatus.CANCELLED) * 3:
        fail(bench, status)
        bench.run(200)
    bench.run(1_000)
    assert bench.is_released


def test_what_failed_is_not_asked_for_again_once_something_else_will_be_answered() -> None:
    bench = CallBench()
    bench.talk()
    fail(bench)
    bench.voice(SpeechStarted("u1", 40), SpeechStopped("u1", 500))
    bench.run(200)
    assert not bench.told, "the server answers the caller by itself"
    fail(bench)
    bench.press("#")
    bench.run(200)
    assert bench.told.count(Respond()) == 1, "the answer to the key, and no other"


def test_what_failed_is_not_asked_for_again_while_a_tool_works() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"), ToolCalled("r", "i", "c1", "order_status", "{}"))
    bench.voice(ResponseFinished("r", ResponseStatus.FAILED, "server_error"))
    bench.run(200)
    assert not bench.told
    bench.command(GiveToolResult(tool_call_id="c1", output="shipped"))
    assert bench.told == [ToolResult("c1", "shipped", respond=True)]


def test_what_failed_is_not_asked_for_again_on_the_way_out() -> None:
    bench = CallBench()
    bench.talk()
    fail(bench)
    bench.command(HangUp(after_words=True))
    bench.run(200)
    assert not bench.told
    assert bench.is_released


def test_errors_of_the_session_are_noted_up_to_a_limit_and_harmless_ones_not() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(VoiceErrorReceived("late_cancel", "no response", is_harmless=True))
    assert "trouble" not in bench.types()
    for _ in range(30):
        bench.voice(VoiceErrorReceived("bad_event", "what?"))
    assert bench.types().count("trouble") == 19
    assert bench.call.conversation is not None
    assert bench.call.conversation.troubles.errors == 31


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
        "item_id": "i",
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


def test_an_agent_says_how_long_its_tools_may_leave_the_caller_in_silence() -> None:
    bench = CallBench(plan=PLAN.model_copy(update={"filler_after_ms": 800}))
    bench.talk()
    bench.say(20)
    bench.run(100)
    bench.voice(ToolCalled("r", "i", "c1", "order_status", "{}"))
    bench.run(780)
    assert bench.heard(b"\x22") == 0
    bench.run(100)
    assert bench.heard(b"\x22") == 480
    bench.command(ConfigureAgent(plan=PLAN.model_copy(update={"filler_after_ms": 5_000})))
    bench.say(20)
    bench.run(100)
    bench.command(GiveToolResult(tool_call_id="c1", output="shipped", respond=False))
    bench.voice(ToolCalled("r", "i", "c2", "order_status", "{}"))
    bench.run(4_900)
    assert bench.heard(b"\x22") == 480
    bench.run(200)
    assert bench.heard(b"\x22") == 960


def test_a_model_that_never_answers_is_given_up_with_an_apology() -> None:
    bench = CallBench()
    bench.talk()
    bench.say(20)
    bench.run(100)
    bench.voice(SpeechStarted("u9", 100), SpeechStopped("u9", 600))
    bench.run(3_000)
    assert bench.heard(b"\x22") > 0, "not more than 3 s of silence"
    bench.run(40_000)
    assert bench.row("trouble")["code"] == "voice.mute"
    assert bench.heard(b"\x11") == 800
    assert bench.is_released


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


# ---- calls without an agent, and what a session tells besides ---------------------------------


def test_a_call_that_comes_in_without_an_agent_is_answered_and_kept() -> None:
    bench = CallBench()
    bench.ring()
    bench.command(AnswerCall(plan=None))
    assert bench.sip.sent[-1].status == 200
    bench.acknowledge()
    bench.speaks = True
    bench.command(PlayAudio(audio=WORD * 800))
    bench.run(500)
    assert bench.heard(WORD) == 800
    assert not bench.opened
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    bench.respond(response(bench.sent_request("REFER"), 486))
    assert bench.is_released, "there is no agent to give the caller back to"
    assert bench.closed == []


def test_what_was_said_is_noted_once_it_is_final() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(
        CallerTranscribed("u1", "hel", is_final=False),
        CallerTranscribed("u1", "hello", is_final=True),
        AgentTranscribed("r", "i", 0, "good", is_final=False),
        AgentTranscribed("r", "i", 0, "good day", is_final=True),
    )
    said = [row.payload.model_dump() for row in bench.rows if row.type == "speech.transcribed"]
    assert [(one["role"], one["text"]) for one in said] == [
        ("caller", "hello"),
        ("agent", "good day"),
    ]


def test_events_of_an_unknown_type_are_counted_and_the_first_is_told() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(UnknownEventReceived("odd.one"), UnknownEventReceived("odd.two"))
    assert "odd.one" in str(bench.row("trouble")["text"])
    assert bench.call.conversation is not None
    assert bench.call.conversation.troubles.unknown_events == 2


def test_a_session_that_grants_another_format_is_converted_for() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(SessionGranted(VoiceFormat.PCM, VoiceFormat.PCMA))
    bench.acknowledge()
    bench.speaks = True
    bench.run(1000)
    assert 44_000 <= len(bench.appended) <= 48_960, "a second of PCM16 at 24,000 Hz"
    a_law_silence = b"\xd5" * 800
    bench.voice(ResponseStarted("r"), AudioReceived("r", "i", 0, a_law_silence))
    bench.run(200)
    assert {packet.payload_type for packet in bench.packets} == {0}


def test_a_model_that_speaks_before_the_leg_has_audio_is_not_heard() -> None:
    bench = CallBench()
    bench.answer(b"")
    bench.voice(GRANTED, ResponseStarted("r"), AudioReceived("r", "i", 0, WORD * 160))
    bench.voice(SpeechStarted("u", 0), SpeechStopped("u", 100))
    bench.voice(ResponseFinished("r", ResponseStatus.FAILED, "why"))
    bench.acknowledge(sdp())
    bench.run(100)
    assert bench.heard(WORD) == 0


def test_a_key_that_the_provider_heard_is_a_key_like_any_other() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(DigitReceived("7"))
    bench.voice(DigitReceived("#"))
    pressed = [row.payload for row in bench.rows if isinstance(row.payload, DigitPressed)]
    assert [(one.digit, one.method) for one in pressed] == [("7", "provider"), ("#", "provider")]
    assert AddText("[keys 7#]") in bench.told
