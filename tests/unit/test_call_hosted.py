"""A hosted call from its webhook to its last row, against what the provider may do at each step."""

import pytest

from telephony.call import (
    AnswerCall,
    AttachHosted,
    CallState,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    HostedActDone,
    PlayAudio,
    RedirectCall,
    RejectCall,
    ReportTransfer,
    RingCall,
    SendDigits,
    StartTransfer,
    VoicePlan,
)
from telephony.call.agent_commands import InterruptAgent
from telephony.errors import LocalError
from telephony.units import NS_PER_SECOND
from telephony.voice import (
    AddText,
    AgentTranscribed,
    CancelResponse,
    ClearPlayout,
    Configure,
    DigitReceived,
    ItemTruncated,
    PlayoutReported,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionOpened,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
)
from tests.support.call_bench import CallBench
from tests.support.hosted_bench import GRANTED, HOSTED_ID, PLAN, HostedBench, closed

TARGET = "sip:200@pbx.example.com"
GREETING = Respond("Say hello")
CALLED = ToolCalled("r1", "i1", "c1", "look_up", "{}")


def refer(bench: HostedBench) -> None:
    """Bring a call up and have the app ask for a transfer; nothing is being said."""
    bench.talk()
    bench.command(StartTransfer(target=TARGET))


# ---- the way in -------------------------------------------------------------------------------


def test_an_accepted_call_is_joined_configured_and_greeted() -> None:
    bench = HostedBench()
    bench.attach()
    (opened,) = bench.opened
    assert (opened.plan.attach_to, opened.epoch) == (HOSTED_ID, 0)
    (configure,) = bench.told
    assert isinstance(configure, Configure)
    assert not configure.settings.owns_audio
    assert bench.call.state.name == "OPENING"
    bench.voice(GRANTED)
    assert bench.call.state.name == "UP"
    answered = bench.row("call.answered")
    assert (answered["codec"], answered["ptime_ms"], answered["remote"]) == ("", 0, HOSTED_ID)
    assert bench.told[1:] == [GREETING], "the provider answered the caller: he hears us"
    assert bench.acts == []


def test_a_call_is_joined_after_three_seconds_without_a_grant_and_greeted_at_the_grant() -> None:
    bench = HostedBench()
    bench.attach()
    bench.run(3_000)
    assert bench.call.state is CallState.UP
    assert GREETING not in bench.told
    bench.voice(GRANTED)
    assert bench.told.count(GREETING) == 1


def test_a_call_that_is_rejected_ends_in_the_log_and_asks_nothing_of_the_provider() -> None:
    for body in (RejectCall(status=404, reason="gone"), RedirectCall(contact="sip:b@h"), HangUp()):
        bench = HostedBench()
        bench.command(body)
        assert bench.is_released
        assert bench.types == ["call.ended"]


def test_an_app_that_never_decides_ends_the_call() -> None:
    bench = HostedBench()
    bench.command(RingCall())
    bench.run(10_000)
    assert bench.troubles() == ["routing.timeout"]
    assert bench.is_released
    assert bench.acts == []


def test_a_call_that_was_accepted_is_hung_up_where_it_is_not_to_be_joined() -> None:
    bench = HostedBench()
    bench.attach()
    bench.command(HangUp(cause="engine stopped"))
    assert [one.act for one in bench.acts] == ["hang_up"]
    assert bench.is_released


def test_a_hosted_call_cannot_be_answered_nor_one_of_ours_attached_to() -> None:
    with pytest.raises(LocalError, match="RECEIVED takes no answer"):
        HostedBench().command(AnswerCall(plan=PLAN))
    ours = CallBench()
    ours.ring()
    with pytest.raises(LocalError, match="takes no attach_hosted"):
        ours.command(AttachHosted(plan=PLAN))
    with pytest.raises(LocalError, match="takes no hosted_act_done"):
        ours.command(HostedActDone(act="refer"))


def test_a_call_is_joined_once() -> None:
    bench = HostedBench()
    bench.talk()
    with pytest.raises(LocalError, match="UP takes no ANSWER"):
        bench.command(AttachHosted(plan=PLAN.model_copy(update={"agent": "other"})))
    bench.voice(closed())
    bench.run(250)
    assert bench.opened[-1].plan.agent == "reception"


@pytest.mark.parametrize(
    "body", [PlayAudio(audio=b"\xff"), SendDigits(digits="1"), ReportTransfer(status=200)]
)
def test_what_the_way_cannot_do_is_refused(
    body: PlayAudio | SendDigits | ReportTransfer,
) -> None:
    bench = HostedBench()
    bench.talk()
    with pytest.raises(LocalError):
        bench.command(body)


# ---- talking ----------------------------------------------------------------------------------


def test_another_agent_takes_over_in_the_same_call() -> None:
    bench = HostedBench()
    bench.talk()
    other = VoicePlan(url="ws://model.test", agent="billing", model="n", voice="w")
    bench.command(ConfigureAgent(plan=other))
    (configure,) = bench.told
    assert isinstance(configure, Configure)
    assert not configure.settings.owns_audio
    bench.voice(closed())
    bench.run(250)
    assert bench.opened[-1].plan.agent == "billing"
    assert bench.opened[-1].plan.attach_to == HOSTED_ID


def test_words_that_are_out_are_told() -> None:
    bench = HostedBench()
    bench.talk()
    assert bench.types.count("playout.finished") == 1
    bench.begin("r1")
    bench.finish("r1")
    assert bench.types.count("playout.finished") == 1
    bench.voice(PlayoutReported("r1", "stopped"))
    assert bench.types.count("playout.finished") == 2


def test_the_callers_speech_is_the_providers_to_act_on() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.voice(SpeechStarted("u1", 100), SpeechStopped("u1", 900))
    assert bench.told == []
    assert "caller.speech_started" in bench.types


def test_what_the_provider_cut_is_told() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.voice(SpeechStarted("u1", 100), PlayoutReported("r1", "cleared"))
    bench.voice(ItemTruncated("i1", 0, 420))
    cut = bench.row("item.truncated")
    assert (cut["item_id"], cut["audio_end_ms"], cut["sent_samples"]) == ("i1", 420, 3_360)


def test_a_key_stops_the_words_and_the_entry_is_answered() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.voice(DigitReceived("1"))
    assert bench.told == [CancelResponse(None), ClearPlayout()]
    bench.voice(PlayoutReported("r1", "cleared"))
    bench.finish("r1", ResponseStatus.CANCELLED)
    bench.told.clear()
    bench.voice(DigitReceived("#"))
    assert bench.told == [AddText("[keys 1#]"), Respond()]
    assert bench.row("keys.collected")["keys"] == "1#"
    assert [one.payload.model_dump()["method"] for one in bench.rows if one.type == "digit.pressed"]


def test_a_key_stops_nothing_where_the_agent_may_not_be_interrupted_by_keys() -> None:
    bench = HostedBench(PLAN.model_copy(update={"may_be_interrupted_by_keys": False}))
    bench.talk()
    bench.begin("r1")
    bench.voice(DigitReceived("1"))
    assert bench.told == []


def test_the_app_may_stop_words_that_the_model_has_sent_already() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.finish("r1")
    bench.command(InterruptAgent(stops="playout"))
    assert bench.told == [ClearPlayout()]


def test_a_tools_result_goes_to_the_session() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(ResponseStarted("r1"), CALLED)
    assert bench.row("tool.requested")["tool_call_id"] == "c1"
    bench.finish("r1")
    bench.command(GiveToolResult(tool_call_id="c1", output="42"))
    assert bench.told == [ToolResult("c1", "42", respond=True)]


def test_a_caller_who_waits_for_a_tool_is_asked_for_patience_by_the_model_itself() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(ResponseStarted("r1"), CALLED)
    bench.finish("r1")
    bench.run(2_100)
    (patience,) = bench.told
    assert isinstance(patience, Respond)
    assert "One moment" in (patience.instructions or "")
    bench.begin("r2")
    bench.run(20_000)
    assert bench.told == [patience], "it is being said"
    bench.finish("r2")
    bench.voice(PlayoutReported("r2", "stopped"))
    bench.run(2_600)
    assert bench.told == [patience, patience]


def test_a_model_that_thinks_is_not_talked_into() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(ResponseStarted("r1"))
    bench.run(10_000)
    assert bench.told == []


def test_a_model_that_is_silent_for_good_is_given_up_and_the_call_hung_up() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(SpeechStarted("u1", 100), SpeechStopped("u1", 900))
    bench.run(30_000)
    assert bench.troubles() == ["voice.mute"]
    assert bench.voice_closes == 1
    assert [one.act for one in bench.acts] == ["hang_up"]
    assert bench.is_released


def test_a_failed_response_is_asked_for_again_in_a_while_and_given_up_after_three() -> None:
    bench = HostedBench()
    bench.talk()
    for number in range(3):
        bench.voice(ResponseStarted(f"r{number}"))
        bench.finish(f"r{number}", ResponseStatus.FAILED)
        assert len(bench.told_of(Respond)) == number
        bench.run(2_100)
    assert bench.troubles()[-1] == "voice.failing"
    assert bench.is_released


def test_words_by_transcript_alone_end_the_wait() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(ResponseStarted("r1"), AgentTranscribed("r1", "i1", 0, "Hello", is_final=False))
    assert bench.call.next_deadline() is not None
    bench.run(60_000)
    assert not bench.troubles()


# ---- the way out ------------------------------------------------------------------------------


def test_a_goodbye_is_heard_before_the_provider_is_asked_to_hang_up() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.command(HangUp(after_words=True, cause="the agent hung up"))
    bench.finish("r1")
    bench.run(5_000)
    assert bench.acts == []
    bench.voice(PlayoutReported("r1", "stopped"))
    assert [one.act for one in bench.acts] == ["hang_up"]
    assert bench.row("call.ended")["cause"] == "the agent hung up"
    assert bench.is_released
    bench.act_done(200)


def test_a_goodbye_that_is_never_told_to_be_out_is_waited_for_12_s() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.finish("r1")
    bench.command(HangUp(after_words=True))
    bench.run(11_999)
    assert bench.acts == []
    bench.run(1)
    assert [one.act for one in bench.acts] == ["hang_up"]


def test_a_transfer_waits_for_the_words_and_is_handed_off() -> None:
    bench = HostedBench()
    bench.talk()
    bench.begin("r1")
    bench.command(StartTransfer(target=TARGET))
    bench.finish("r1")
    assert bench.acts == []
    bench.voice(PlayoutReported("r1", "stopped"))
    (asked,) = bench.acts
    assert (asked.act, asked.target) == ("refer", TARGET)
    bench.act_done(200)
    ended = bench.row("transfer.ended")
    assert (ended["outcome"], ended["status"], ended["target"]) == ("handed_off", 200, TARGET)
    assert bench.row("call.ended")["cause"] == "transferred: handed_off"
    assert len(bench.acts) == 1, "whoever has the caller now is not hung up on"
    assert bench.is_released


def test_a_transfer_that_the_provider_refuses_gives_the_caller_back() -> None:
    bench = HostedBench()
    refer(bench)
    bench.act_done(500, "internal error")
    ended = bench.row("transfer.ended")
    assert (ended["outcome"], ended["status"]) == ("failed", 500)
    assert bench.troubles() == ["hosted.refused"]
    assert "internal error" in bench.row("trouble")["text"]
    assert bench.call.state is CallState.UP
    bench.command(GiveToolResult(tool_call_id="c1", output="the transfer failed"))
    assert ToolResult("c1", "the transfer failed", respond=True) in bench.told


def test_a_transfer_that_nobody_answers_fails_in_time() -> None:
    bench = HostedBench()
    refer(bench)
    bench.run(15_000)
    assert bench.row("transfer.ended")["outcome"] == "failed"
    assert bench.call.state is CallState.UP
    bench.act_done(200)
    assert bench.types.count("transfer.ended") == 1


@pytest.mark.parametrize("first", ["socket", "answer"])
def test_a_caller_who_leaves_during_a_transfer_ends_the_call(first: str) -> None:
    bench = HostedBench()
    refer(bench)
    if first == "socket":
        bench.voice(closed(1000, "bye"))
        assert not bench.is_released, "the transfer itself may have closed it"
        bench.act_done(502)
    else:
        bench.act_done(404)
    assert bench.row("transfer.ended")["outcome"] == "cancelled"
    ended = bench.row("call.ended")
    assert (ended["by"], ended["cause"]) == ("remote", "the caller has gone")
    assert len(bench.acts) == 1


def test_a_socket_that_a_transfer_closed_is_no_end_of_the_call_by_the_caller() -> None:
    bench = HostedBench()
    refer(bench)
    bench.voice(closed(1000, "bye"))
    bench.act_done(200)
    assert bench.row("transfer.ended")["outcome"] == "handed_off"
    assert bench.row("call.ended")["by"] == "local"
    assert "trouble" not in bench.types


def test_an_answer_to_a_hang_up_that_comes_late_is_no_ones_affair() -> None:
    bench = HostedBench()
    bench.talk()
    bench.command(HostedActDone(act="hang_up", status=200))
    assert bench.call.state is CallState.UP


# ---- the socket -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [404, 1000, 1005])
def test_a_session_that_its_provider_ends_is_the_end_of_the_call_by_the_caller(code: int) -> None:
    for is_up in (True, False):
        bench = HostedBench()
        bench.talk() if is_up else bench.attach()
        bench.voice(closed(code, "gone"))
        ended = bench.row("call.ended")
        assert (ended["by"], ended["cause"]) == ("remote", "the caller has gone")
        assert bench.row("voice.closed")["reason"] == "gone"
        assert bench.troubles() == []
        assert bench.acts == []
        assert bench.is_released


def test_a_lost_socket_is_replaced_soon_and_nothing_said_meanwhile_is_lost() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(ResponseStarted("r1"), CALLED)
    bench.begin("r1")
    bench.voice(closed())
    assert bench.row("voice.closed")["epoch"] == 0
    bench.command(GiveToolResult(tool_call_id="c1", output="42"))
    bench.run(249)
    assert len(bench.opened) == 1
    bench.run(1)
    assert [one.epoch for one in bench.opened] == [0, 1]
    assert bench.opened[1].plan.attach_to == HOSTED_ID
    (again,) = bench.told
    assert isinstance(again, Configure)
    bench.voice(GRANTED)
    assert bench.told[1:] == [ToolResult("c1", "42", respond=True)]
    assert GREETING not in bench.told
    assert [one.payload.model_dump()["epoch"] for one in bench.rows if one.type == "voice.granted"]
    assert bench.call.state is CallState.UP
    bench.begin("r2")
    bench.voice(DigitReceived("1"))
    assert bench.told[-2:] == [CancelResponse(None), ClearPlayout()]


def test_the_way_back_is_tried_with_pauses_and_given_up() -> None:
    bench = HostedBench()
    bench.talk()
    begun = bench.now
    times: list[float] = []
    bench.voice(closed())
    while not bench.is_released:
        due = bench.call.next_deadline()
        assert due is not None
        bench.run((due - bench.now) / 1_000_000)
        times.append((bench.now - begun) / NS_PER_SECOND)
        bench.voice(closed())
    assert times == [0.25, 0.75, 1.75, 3.75, 7.75]
    assert bench.row("call.ended")["by"] == "failure"
    assert [one.act for one in bench.acts] == ["hang_up"]


def test_a_way_back_that_is_never_granted_is_given_up_within_12_s() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(closed())
    bench.run(5_000)
    assert not bench.is_released
    bench.run(7_000)
    assert bench.troubles() == ["voice.lost"]
    assert [one.act for one in bench.acts] == ["hang_up"]
    assert bench.is_released


def test_what_a_lost_socket_still_tells_is_dropped() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(closed())
    bench.voice(PlayoutReported("r1", "started"), SpeechStarted("u1", 100))
    assert "caller.speech_started" not in bench.types
    assert bench.told == []


def test_the_first_way_may_fail_and_another_lead_there() -> None:
    bench = HostedBench()
    bench.attach()
    bench.voice(closed(503, "busy"))
    bench.run(250)
    bench.voice(GRANTED)
    assert bench.call.state is CallState.UP
    assert bench.told.count(GREETING) == 1
    assert bench.row("voice.restored")["items"] == 0


def test_a_session_that_is_old_is_not_renewed() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(SessionOpened("s", expires_at=1_000))
    bench.run(3 * 3_600_000)
    assert len(bench.opened) == 1


def test_no_more_is_kept_for_a_way_back_than_will_be_wanted() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(closed())
    for number in range(100):
        bench.command(GiveToolResult(tool_call_id=f"c{number}", output="42"))
    bench.command(InterruptAgent())
    bench.run(250)
    bench.voice(GRANTED)
    assert len(bench.told_of(ToolResult)) == 64
    assert not bench.told_of(ClearPlayout)


def test_a_call_that_is_gone_when_the_way_back_is_tried_ended_by_the_caller() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(closed(1001, "session limit"))
    bench.run(250)
    bench.voice(closed(404, "call_id_not_found"))
    assert bench.row("call.ended")["by"] == "remote"


def test_a_refused_key_is_no_reason_to_try_again() -> None:
    bench = HostedBench()
    bench.attach()
    bench.voice(closed(401, "bad key"))
    assert [one.act for one in bench.acts] == ["hang_up"]
    assert bench.row("trouble")["fault"] == "configuration"
    assert bench.is_released


def test_a_lost_session_sends_the_caller_where_the_plan_says() -> None:
    bench = HostedBench(PLAN.model_copy(update={"on_failure": TARGET}))
    bench.talk()
    bench.voice(closed(403))
    assert [(one.act, one.target) for one in bench.acts] == [("refer", TARGET)]
    bench.act_done(200)
    assert bench.row("transfer.ended")["outcome"] == "handed_off"


def test_a_call_that_ends_while_its_way_back_is_due_tries_no_more() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(closed())
    bench.command(HangUp())
    bench.run(20_000)
    assert len(bench.opened) == 1
    assert bench.is_released


def test_a_response_that_finished_before_we_joined_is_not_waited_for() -> None:
    bench = HostedBench()
    bench.talk()
    bench.voice(ResponseFinished("r9", ResponseStatus.COMPLETED), PlayoutReported("r9", "stopped"))
    bench.command(HangUp(after_words=True))
    assert bench.is_released
