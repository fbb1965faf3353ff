"""A call outlives its voice sessions: what the caller hears, and what the next session is told."""

from typing import Literal

import pytest

from telephony.call import (
    AddWords,
    CallState,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    InterruptAgent,
    PlayAudio,
    StartTransfer,
    VoicePlan,
)
from telephony.call.continuity import GO_ON
from telephony.units import NS_PER_MS, Nanoseconds
from telephony.voice import (
    AddText,
    AgentTranscribed,
    AppendAudio,
    AudioReceived,
    CallerTranscribed,
    Configure,
    DeleteItem,
    ItemCameLate,
    PastTool,
    PastWords,
    Respond,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    Restore,
    SessionClosed,
    SessionGranted,
    SessionOpened,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TruncateItem,
    VoiceErrorReceived,
    VoiceFormat,
)
from tests.support.call_bench import GRANTED, PLAN, WORD, CallBench, sdp
from tests.support.sip_peer import response

LOST = SessionClosed(is_clean=False, code=1006, reason="reset")
RETIRED = SessionClosed(is_clean=True, code=1001, reason="60 minutes")
REFUSED = SessionClosed(is_clean=False, code=503, reason="busy")
GREETING = Respond("Say hello")
FILLER = b"\x22"
APOLOGY = b"\x11"
CALLER = b"\x44"
WALL = 1_000.0
"""Of the first row; the bench's clock tells both times."""


def greeted(plan: VoicePlan = PLAN) -> CallBench:
    """Bring a call up whose greeting was heard."""
    bench = CallBench(plan=plan)
    bench.talk()
    bench.voice(
        ResponseStarted("g"),
        AudioReceived("g", "hello", 0, WORD * 800),
        AgentTranscribed("g", "hello", 0, "Good day to you", is_final=True),
        ResponseFinished("g", ResponseStatus.COMPLETED),
    )
    bench.run(400)
    bench.told.clear()
    return bench


def lose(bench: CallBench, closed: SessionClosed = LOST) -> None:
    """Have the session end, and another be opened."""
    opened = len(bench.opened)
    bench.voice(closed)
    bench.told.clear()
    bench.run(250)
    if len(bench.opened) == opened:
        bench.run(250)  # so soon after the last loss it counts as the second try


def restored(bench: CallBench, closed: SessionClosed = LOST) -> Restore:
    """Lose the session and grant another; give what that is told."""
    lose(bench, closed)
    bench.told.clear()
    bench.voice(GRANTED)
    (restore,) = [one for one in bench.told if isinstance(one, Restore)]
    return restore


def words(restore: Restore) -> list[tuple[str, str]]:
    return [(item.role, item.text) for item in restore.items if isinstance(item, PastWords)]


def appended(bench: CallBench) -> bytes:
    """Give the caller's audio that a session was given in one piece."""
    return b"".join(one.audio for one in bench.told if isinstance(one, AppendAudio))


def responds(bench: CallBench) -> list[Respond]:
    return [one for one in bench.told if isinstance(one, Respond)]


# ---- what the caller hears --------------------------------------------------------------------


@pytest.mark.parametrize("closed", [LOST, RETIRED])
def test_a_call_whose_session_ends_gets_another_and_stays_up(closed: SessionClosed) -> None:
    bench = greeted()
    restore = restored(bench, closed)
    assert [one.epoch for one in bench.opened] == bench.used == [0, 1]
    assert bench.closed == [], "it closed by itself"
    assert words(restore) == [("agent", "Good day to you")]
    assert bench.call.state is CallState.UP
    row = bench.row("voice.restored")
    assert (row["epoch"], row["items"], row["estimated"], row["after_ms"]) == (1, 1, (), 250)
    assert bench.row("voice.lost")["epoch"] == 0
    assert not responds(bench), "nobody asked the agent to speak"
    bench.run(20_000)
    assert bench.heard(FILLER) == 0, "nor is anything waited for"


def test_a_caller_who_waits_hears_a_word_of_patience_within_half_a_second() -> None:
    bench = greeted()
    bench.voice(LOST)
    bench.run(499)
    assert bench.heard(FILLER) == 0
    bench.run(62)
    assert bench.heard(FILLER) == 480
    bench.run(2_440)
    assert bench.heard(FILLER) == 480
    bench.run(600)
    assert bench.heard(FILLER) == 960, "and again, before three seconds of silence"


@pytest.mark.parametrize("filler_after_ms", [2_000, 30_000])
def test_a_caller_who_is_speaking_is_not_talked_into_so_soon(filler_after_ms: int) -> None:
    bench = greeted(PLAN.model_copy(update={"filler_after_ms": filler_after_ms}))
    bench.voice(SpeechStarted("u1", 600))
    bench.voice(LOST)
    bench.run(1_900)
    assert bench.heard(FILLER) == 0
    bench.run(300)
    assert bench.heard(FILLER) == 480


def test_a_call_that_gets_no_other_session_is_apologized_for_within_the_time() -> None:
    bench = greeted()
    bench.voice(LOST)
    for wait_ms in (250, 500, 1_000, 2_000, 4_000):
        assert bench.call.state is CallState.UP
        bench.run(wait_ms)
        bench.voice(REFUSED)
    bench.run(200)
    assert bench.heard(APOLOGY) == 800
    cause = "the voice session was lost: reset; no other was to be had: busy"
    assert bench.row("call.ended")["cause"] == cause
    codes = [one.payload.model_dump()["code"] for one in bench.rows if one.type == "trouble"]
    assert codes == ["voice.lost"] + ["voice.not_restored"] * 5


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_server_that_will_never_grant_another_is_not_asked_twice(code: int) -> None:
    bench = greeted()
    lose(bench)
    bench.voice(SessionClosed(is_clean=False, code=code, reason="no"))
    bench.run(200)
    assert len(bench.opened) == 2
    assert bench.heard(APOLOGY) == 800
    troubles = [one.payload.model_dump() for one in bench.rows if one.type == "trouble"]
    assert troubles[-1]["code"] == "voice.not_restored"
    assert troubles[-1]["fault"] == "configuration"


def test_a_server_says_how_long_it_is_to_be_left_alone() -> None:
    bench = greeted()
    lose(bench)
    busy = SessionClosed(is_clean=False, code=429, reason="busy", retry_after_seconds=3)
    bench.voice(busy)
    bench.run(2_900)
    assert len(bench.opened) == 2
    bench.run(200)
    assert len(bench.opened) == 3


def test_a_server_that_accepts_and_stays_silent_is_left_for_another_try() -> None:
    bench = greeted()
    lose(bench)
    bench.run(3_500)
    assert bench.closed == [1]
    assert [one.epoch for one in bench.opened] == [0, 1, 2]
    bench.voice(GRANTED, epoch=1)
    assert bench.used == [0], "too late"
    bench.voice(GRANTED)
    assert bench.used == [0, 2]


def test_a_far_end_that_rings_is_not_asked_for_patience_before_it_is_there() -> None:
    bench = CallBench()
    bench.place()
    bench.voice(GRANTED)
    bench.voice(LOST)
    bench.sip.now = Nanoseconds(bench.now + 600 * NS_PER_MS)
    bench.call.handle_timer(bench.now)
    due_ns = bench.call.next_deadline()
    assert due_ns is not None
    assert due_ns > bench.now, "it does not wake again and again"
    bench.respond(response(bench.sent_request("INVITE"), 200, body=sdp()))
    bench.run(100)
    assert bench.heard(FILLER) == 480


def test_words_that_are_queued_go_on_playing() -> None:
    bench = greeted()
    before = bench.heard(WORD)
    bench.say(1_000)
    bench.run(100)
    restored(bench)
    bench.run(1_000)
    assert bench.heard(WORD) == before + 8_000
    assert bench.heard(FILLER) == 0


def test_a_format_that_holds_back_samples_gives_them_up_at_the_loss() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(SessionGranted(VoiceFormat.PCM, VoiceFormat.PCM))
    bench.acknowledge()
    bench.run(60)
    bench.voice(ResponseStarted("r"), AudioReceived("r", "i", 0, bytes(4_800)))
    before = bench.port.playout.queued_samples
    bench.voice(LOST)
    assert bench.port.playout.queued_samples > before
    lose(bench)
    bench.voice(SessionGranted(VoiceFormat.PCM, VoiceFormat.PCM))
    bench.run(100)
    assert bench.call.state is CallState.UP


def test_a_renewal_gives_up_what_a_format_holds_back_as_well() -> None:
    pcm = SessionGranted(VoiceFormat.PCM, VoiceFormat.PCM)
    bench = timed(80, pcm)
    bench.run(51_000)
    bench.voice(ResponseStarted("r"), AudioReceived("r", "i", 0, bytes(4_800)), epoch=0)
    before = bench.port.playout.queued_samples
    bench.told.clear()
    bench.voice(pcm)
    assert bench.port.playout.queued_samples > before
    assert len(appended(bench)) > 1_900 * 48, "and the caller's audio is in the session's format"


def test_a_session_that_is_mute_behind_the_loss_of_another_has_its_own_time() -> None:
    bench = greeted()
    bench.voice(SpeechStarted("u1", 560), SpeechStopped("u1", 1_000))
    bench.voice(CallerTranscribed("u1", "Where is my order?", is_final=True), LOST)
    for wait_ms in (250, 500, 1_000, 2_000):
        bench.run(wait_ms)
        bench.voice(REFUSED)
    bench.run(4_000)
    bench.voice(GRANTED)
    bench.run(12_000)
    assert bench.call.state is CallState.UP
    bench.run(8_000)
    assert bench.call.is_over
    codes = [one.payload.model_dump()["code"] for one in bench.rows if one.type == "trouble"]
    assert codes[-1] == "voice.mute"


# ---- what is dropped --------------------------------------------------------------------------


def test_late_frames_of_the_session_before_are_dropped() -> None:
    bench = greeted()
    restored(bench)
    heard, rows = bench.heard(WORD), len(bench.rows)
    bench.voice(
        ResponseStarted("late"),
        AudioReceived("late", "late", 0, WORD * 800),
        SpeechStarted("late", 0),
        ToolCalled("late", "f", "c", "order_status", "{}"),
        GRANTED,
        epoch=0,
    )
    bench.run(300)
    assert (bench.heard(WORD), len(bench.rows)) == (heard, rows)
    bench.voice(LOST, epoch=0)
    assert bench.rows[-1].payload.model_dump()["epoch"] == 0
    assert bench.rows[-1].type == "voice.closed"
    assert bench.call.state is CallState.UP


# ---- what the next session is told ------------------------------------------------------------


def test_what_the_caller_has_said_and_is_known_as_text_is_answered_again() -> None:
    bench = greeted()
    bench.voice(SpeechStarted("u1", 560), SpeechStopped("u1", 1_000))
    bench.voice(CallerTranscribed("u1", "Where is my order?", is_final=True))
    restore = restored(bench)
    assert words(restore)[-1] == ("caller", "Where is my order?")
    assert responds(bench) == [Respond()]
    assert bench.told.index(restore) < bench.told.index(Respond())
    assert CALLER * 160 in appended(bench), "what he may have added meanwhile"


def test_what_he_has_said_and_is_not_known_is_given_as_audio_and_answered_by_the_server() -> None:
    bench = greeted()
    began_ms = bench.port.uplink.appended // 8
    bench.run(700)
    bench.voice(SpeechStarted("u1", began_ms), SpeechStopped("u1", began_ms + 600))
    restore = restored(bench)
    assert words(restore) == [("agent", "Good day to you")], "not a second time as text"
    assert len(appended(bench)) == (700 + 250 - 10) // 20 * 160
    assert not responds(bench)
    bench.voice(SpeechStarted("v1", 0), SpeechStopped("v1", 600), ResponseStarted("r"))
    bench.run(5_000)
    assert not responds(bench)


def test_audio_that_holds_no_words_for_the_server_is_answered_all_the_same() -> None:
    bench = greeted()
    bench.voice(SpeechStarted("u1", 560), SpeechStopped("u1", 1_000))
    restored(bench)
    bench.run(2_900)
    assert not responds(bench)
    bench.run(200)
    assert responds(bench) == [Respond()]


def test_words_he_had_not_ended_in_which_the_next_session_hears_none_are_answered() -> None:
    bench = greeted()
    bench.run(300)
    bench.voice(SpeechStarted("u1", 600))
    restored(bench)
    bench.run(2_900)
    assert not responds(bench)
    bench.run(200)
    assert responds(bench) == [Respond()]
    bench.run(2_100)
    assert bench.heard(FILLER) == 480, "and waited for"


def test_what_he_is_saying_reaches_the_next_session_from_its_beginning() -> None:
    bench = greeted()
    began_ms = bench.port.uplink.appended // 8
    bench.run(300)
    bench.voice(SpeechStarted("u1", began_ms))
    lose(bench)
    assert bench.call.conversation is not None
    live = len(bench.appended)
    bench.voice(GRANTED)
    kept = appended(bench)
    assert len(kept) == (300 + 250) // 20 * 160
    assert not responds(bench)
    bench.run(100)
    assert len(bench.appended) == live + 5 * 160, "and the rest live, behind it"
    row = bench.row("voice.restored")
    assert (row["audio_ms"], row["audio_lost_ms"]) == (len(kept) // 8, 0)


def test_a_turn_given_as_audio_is_given_again_when_that_session_is_lost_too() -> None:
    bench = greeted()
    bench.run(300)
    bench.voice(SpeechStarted("u1", 560), SpeechStopped("u1", 1_000))
    restored(bench)
    first = appended(bench)
    restored(bench)
    assert appended(bench)[: len(first)] == first
    assert not responds(bench)
    assert bench.used == [0, 1, 2]


def test_words_begun_while_no_session_was_there_outlive_the_loss_of_the_next_one() -> None:
    bench = greeted()
    bench.voice(LOST)
    for wait_ms in (250, 500, 1_000):
        bench.run(wait_ms)
        bench.voice(REFUSED)
    bench.run(2_000)
    bench.told.clear()
    bench.voice(GRANTED)
    first = appended(bench)
    assert len(first) > 3_750 * 8, "all that nobody heard"
    bench.run(200)
    bench.voice(SpeechStarted("v1", 100))
    bench.voice(LOST)
    bench.run(4_000)
    bench.told.clear()
    bench.voice(GRANTED)
    assert len(appended(bench)) == len(first) + (200 - 100 + 4_000) * 8


def test_a_turn_that_was_answered_is_told_by_its_length_and_not_given_again() -> None:
    bench = greeted()
    bench.voice(SpeechStarted("u1", 560), SpeechStopped("u1", 1_560))
    bench.say(100)
    bench.run(300)
    restore = restored(bench)
    assert words(restore)[1:] == [("caller", "[caller spoke, 1.0 s]"), ("agent", "[spoke]")]
    assert bench.row("voice.restored")["estimated"] == (1, 2)
    assert len(appended(bench)) < 600 * 8
    assert not responds(bench)


def test_words_that_were_cut_off_by_the_loss_are_gone_on_with() -> None:
    bench = greeted()
    bench.voice(
        SpeechStarted("u1", 560),
        SpeechStopped("u1", 1_000),
        CallerTranscribed("u1", "Tell me", is_final=True),
        ResponseStarted("r"),
        AudioReceived("r", "a2", 0, WORD * 8_000),
        AgentTranscribed("r", "a2", 0, "Once upon", is_final=False),
    )
    restore = restored(bench)
    assert words(restore)[-2:] == [("caller", "Tell me"), ("agent", "Once upon")]
    at = [bench.told.index(one) for one in (restore, GO_ON, Respond())]
    assert at == sorted(at)


def test_a_greeting_that_nobody_heard_is_asked_for_again_and_one_that_was_begun_is_not() -> None:
    unheard = CallBench()
    unheard.talk()
    lose(unheard)
    unheard.voice(GRANTED)
    assert responds(unheard) == [GREETING]
    begun = CallBench()
    begun.talk()
    begun.voice(ResponseStarted("g"), AudioReceived("g", "hello", 0, WORD * 160))
    lose(begun)
    begun.voice(GRANTED)
    assert responds(begun) == [Respond()]
    over = greeted()
    restored(over)
    over.run(5_000)
    assert not responds(over)


def test_a_greeting_that_was_due_while_no_session_was_there_comes_then() -> None:
    bench = CallBench()
    bench.answer()
    bench.voice(GRANTED)
    bench.voice(LOST)
    bench.acknowledge()
    bench.run(400)
    assert not responds(bench)
    bench.voice(GRANTED)
    assert responds(bench) == [GREETING]
    bench.run(400)
    assert responds(bench) == [GREETING], "once"


@pytest.mark.parametrize("status", [ResponseStatus.FAILED, ResponseStatus.COMPLETED])
def test_a_response_that_failed_is_owed_and_one_that_is_whole_is_not(
    status: ResponseStatus,
) -> None:
    bench = greeted()
    bench.voice(ResponseStarted("r"), ResponseFinished("r", status, "why"))
    restored(bench)
    asked = [Respond()] if status is ResponseStatus.FAILED else []
    assert responds(bench) == asked
    bench.command(PlayAudio(audio=FILLER * 160))
    bench.run(200)
    assert responds(bench) == asked, "once, also when other audio is out"


def test_a_tool_at_work_answers_to_the_new_item_of_its_call() -> None:
    bench = greeted()
    bench.voice(
        ResponseStarted("r"),
        ToolCalled("r", "f1", "c1", "order_status", "{}"),
        ResponseFinished("r", ResponseStatus.COMPLETED),
    )
    restore = restored(bench)
    tool = restore.items[-1]
    assert isinstance(tool, PastTool)
    assert (tool.call_id, tool.output) == ("c1", None)
    assert not responds(bench), "its result will ask"
    bench.command(GiveToolResult(tool_call_id="c1", output="shipped"))
    assert bench.told[-1] == ToolResult("c1", "shipped", respond=True)


@pytest.mark.parametrize("speaks", [True, False])
def test_a_tool_that_answers_while_no_session_is_there_is_told_whole(*, speaks: bool) -> None:
    bench = greeted()
    bench.voice(ResponseStarted("r"), ToolCalled("r", "f1", "c1", "order_status", "{}"))
    bench.voice(LOST)
    bench.told.clear()
    bench.command(GiveToolResult(tool_call_id="c1", output="shipped", respond=speaks))
    assert not bench.told
    bench.run(250)
    bench.voice(REFUSED)
    bench.run(500)
    assert bench.heard(FILLER) == 480, "another session is waited for all the same"
    bench.voice(GRANTED)
    (restore,) = [one for one in bench.told if isinstance(one, Restore)]
    tool = restore.items[-1]
    assert isinstance(tool, PastTool)
    assert tool.output == "shipped"
    assert responds(bench) == ([Respond()] if speaks else [])
    assert not [one for one in bench.told if isinstance(one, ToolResult)]


def test_a_tool_at_work_goes_on_being_waited_for_in_the_next_session() -> None:
    bench = greeted()
    bench.voice(SpeechStarted("u1", 560), SpeechStopped("u1", 1_000))
    bench.voice(ResponseStarted("r"), ToolCalled("r", "f1", "c1", "order_status", "{}"))
    bench.voice(ResponseFinished("r", ResponseStatus.COMPLETED))
    restored(bench)
    for _ in range(10):
        before = bench.heard(FILLER)
        bench.run(3_000)
        assert bench.heard(FILLER) > before, "no silence of 3 s"
    assert not responds(bench), "what he had said is for the tool to answer"
    assert bench.call.state is CallState.UP


def test_what_the_app_wrote_is_told() -> None:
    bench = greeted()
    bench.command(AddWords(text="The order was shipped", respond=False))
    assert words(restored(bench))[-1] == ("caller", "The order was shipped")


def test_words_that_came_too_late_to_be_heard_are_not_told() -> None:
    bench = greeted()
    bench.voice(
        AgentTranscribed("r", "a2", 0, "Never heard", is_final=True), ItemCameLate("r", "a2")
    )
    assert words(restored(bench)) == [("agent", "Good day to you")]


def test_keys_pressed_while_no_session_is_there_are_told_and_answered() -> None:
    bench = greeted()
    bench.voice(LOST)
    bench.press("7")
    bench.press("#")
    bench.run(250)
    bench.told.clear()
    bench.voice(GRANTED)
    (restore,) = [one for one in bench.told if isinstance(one, Restore)]
    assert words(restore)[-1] == ("caller", "[keys 7#]")
    assert responds(bench) == [Respond()]
    assert AddText("[keys 7#]") not in bench.told


@pytest.mark.parametrize("is_lost", [True, False])
def test_words_that_a_key_stopped_are_not_gone_on_with(*, is_lost: bool) -> None:
    bench = greeted()
    bench.voice(
        ResponseStarted("r"),
        AudioReceived("r", "a2", 0, WORD * 8_000),
        AgentTranscribed("r", "a2", 0, "one two three four", is_final=False),
    )
    bench.run(300)
    if is_lost:
        bench.voice(LOST)
    bench.press("7")
    assert bench.row("item.truncated")["estimated"] is is_lost, "nobody is there to be told"
    if not is_lost:
        bench.voice(LOST)
    bench.run(250)
    bench.told.clear()
    bench.voice(GRANTED)
    assert GO_ON not in bench.told
    assert not responds(bench), "the key's own answer is asked for once it is whole"
    bench.press("#")
    assert responds(bench) == [Respond()]


@pytest.mark.parametrize("stops", ["all", "response"])
def test_words_that_the_app_stopped_are_not_gone_on_with(stops: Literal["all", "response"]) -> None:
    bench = greeted()
    bench.voice(ResponseStarted("r"), AudioReceived("r", "a2", 0, WORD * 8_000))
    bench.command(InterruptAgent(stops=stops))
    restored(bench)
    assert GO_ON not in bench.told
    assert not responds(bench)


def test_another_agent_that_takes_over_meanwhile_is_who_goes_on() -> None:
    bench = greeted()
    lose(bench)
    bench.told.clear()
    other = VoicePlan(url=PLAN.url, agent="billing", instructions="Bill them")
    bench.command(ConfigureAgent(plan=other))
    (configured,) = [one for one in bench.told if isinstance(one, Configure)]
    assert configured.settings.instructions == "Bill them"
    bench.voice(REFUSED)
    bench.told.clear()
    bench.run(500)
    (configured,) = [one for one in bench.told if isinstance(one, Configure)]
    assert configured.settings.instructions == "Bill them"
    assert bench.opened[-1].plan.agent == "billing"


# ---- interruptions across sessions ------------------------------------------------------------


def talked_into() -> CallBench:
    """Have the caller interrupt words of a session that is gone."""
    bench = greeted()
    bench.voice(AgentTranscribed("resp", "item", 0, "one two three four", is_final=True))
    bench.say(4_000)
    restored(bench)
    bench.run(1_000)
    bench.told.clear()
    bench.voice(SpeechStarted("v1", 0))
    return bench


def test_words_of_the_session_before_are_cut_locally_and_in_the_memory_of_the_next() -> None:
    bench = talked_into()
    assert bench.port.playout.queued_samples <= 40, "the ramp"
    deletion, restore = bench.told
    assert deletion == DeleteItem("past_2")
    assert isinstance(restore, Restore)
    (shorter,) = restore.items
    assert isinstance(shorter, PastWords)
    assert (shorter.name, shorter.text) == ("past_2_cut", "one …")
    assert restore.after == "past_1"
    row = bench.row("item.truncated")
    assert (row["item_id"], row["estimated"]) == ("item", True)
    assert row["sent_samples"] == 9_960


def test_such_a_cut_is_what_the_session_after_that_is_told() -> None:
    bench = talked_into()
    assert words(restored(bench)) == [("agent", "Good day to you"), ("agent", "one …")]


def test_words_of_the_session_before_of_which_nothing_was_heard_are_deleted() -> None:
    bench = greeted()
    bench.say(1_000)
    bench.say(1_000, item="second", response="resp2")
    restored(bench)
    bench.told.clear()
    bench.voice(SpeechStarted("v1", 0))
    first, again, second = bench.told
    assert (first, second) == (DeleteItem("past_2"), DeleteItem("past_3"))
    assert isinstance(again, Restore)
    assert bench.row("item.deleted")["item_id"] == "second"


def test_words_of_the_new_session_are_cut_as_ever() -> None:
    bench = greeted()
    restored(bench)
    bench.told.clear()
    bench.say(1_000, item="new")
    bench.run(100)
    bench.voice(SpeechStarted("v1", 0))
    assert [type(one) for one in bench.told] == [TruncateItem]
    assert bench.row("item.truncated")["estimated"] is False


# ---- before the limit -------------------------------------------------------------------------


def timed(life_s: float, granted: SessionGranted = GRANTED) -> CallBench:
    """Bring a call up whose session has so long to live."""
    bench = CallBench()
    bench.answer()
    bench.voice(SessionOpened("s0", round(WALL + life_s)), granted)
    bench.acknowledge()
    bench.speaks = True
    bench.run(60)
    bench.say(400, item="hello", response="g")
    bench.run(600)
    bench.told.clear()
    return bench


def test_a_session_is_renewed_before_its_limit_and_the_caller_hears_nothing_of_it() -> None:
    bench = timed(80)
    bench.run(49_000)
    assert len(bench.opened) == 1
    bench.run(2_000)
    assert len(bench.opened) == 2
    assert bench.row("voice.renewing")["epoch"] == 1
    bench.say(200, item="still", response="old")
    assert bench.used == [0], "the old one is in charge until the grant"
    bench.run(400)
    bench.voice(SessionOpened("s1", round(WALL + 3_000)))
    bench.told.clear()
    bench.voice(GRANTED)
    assert (bench.used, bench.closed) == ([0, 1], [0])
    assert not responds(bench)
    assert bench.row("voice.restored")["after_ms"] == 0
    bench.voice(RETIRED, epoch=0)
    bench.run(20_000)
    assert bench.heard(FILLER) == 0
    assert bench.call.state is CallState.UP
    assert "trouble" not in bench.types()


def test_a_renewal_behind_a_loss_is_no_loss_and_brings_no_more_audio_than_it_needs() -> None:
    bench = timed(80)
    bench.voice(LOST)
    bench.run(1_000)
    bench.voice(SessionOpened("s1", round(WALL + 120)), GRANTED)
    while len(bench.opened) < 3:
        bench.run(500)
    bench.told.clear()
    bench.voice(GRANTED)
    rows = [row.payload.model_dump() for row in bench.rows if row.type == "voice.restored"]
    assert [row["after_ms"] for row in rows] == [1_000, 0]
    assert len(appended(bench)) <= 2_500 * 8


@pytest.mark.parametrize("busy", ["speech", "words", "tool"])
def test_renewal_waits_for_a_quiet_moment_and_not_past_the_limit(busy: str) -> None:
    bench = timed(80)
    bench.run(45_000)
    if busy == "speech":
        bench.voice(SpeechStarted("u1", 45_000))
    elif busy == "words":
        bench.say(100_000)
    else:
        bench.voice(ToolCalled("r", "f", "c1", "order_status", "{}"))
    bench.run(20_000)
    assert len(bench.opened) == 1
    bench.run(5_000)
    assert len(bench.opened) == 2


def test_another_agent_that_takes_over_during_a_renewal_is_both_sessions_agent() -> None:
    bench = timed(80)
    bench.run(51_000)
    bench.told.clear()
    bench.command(ConfigureAgent(plan=PLAN.model_copy(update={"instructions": "Bill them"})))
    configured = [one for one in bench.told if isinstance(one, Configure)]
    assert [one.settings.instructions for one in configured] == ["Bill them"] * 2
    bench.voice(GRANTED, epoch=0)
    assert bench.used == [0], "the old one's grant is not the new one's"
    bench.voice(GRANTED)
    assert bench.used == [0, 1]


def test_a_session_that_ends_during_its_renewal_is_followed_by_the_one_being_opened() -> None:
    bench = timed(80)
    bench.run(51_000)
    bench.voice(RETIRED, epoch=0)
    bench.voice(GRANTED)
    assert bench.used == [0, 1]
    assert len(bench.opened) == 2
    assert bench.call.state is CallState.UP


def test_a_renewal_that_fails_leaves_the_session_in_charge() -> None:
    bench = timed(80)
    bench.run(51_000)
    for wait_ms in (500, 1_000, 2_000, 4_000, 0):
        bench.voice(REFUSED)
        bench.run(wait_ms)
    assert len(bench.opened) == 6
    assert bench.call.state is CallState.UP
    before = bench.heard(WORD)
    bench.call.handle_voice_event(ResponseStarted("r"), bench.now, 0)
    bench.call.handle_voice_event(AudioReceived("r", "i", 0, WORD * 800), bench.now, 0)
    bench.run(200)
    assert bench.heard(WORD) == before + 800


def test_a_server_that_says_by_an_error_that_its_session_is_over_is_believed() -> None:
    bench = greeted()
    bench.voice(VoiceErrorReceived("session_expired", "Your session hit the maximum duration"))
    assert bench.closed == [0]
    assert bench.row("voice.lost")["reason"] == "Your session hit the maximum duration"
    bench.run(250)
    bench.voice(RETIRED, epoch=0)
    bench.voice(GRANTED)
    assert bench.used == [0, 1]


# ---- calls on their way elsewhere -------------------------------------------------------------


def test_a_transfer_under_way_is_unharmed_and_a_caller_who_comes_back_finds_the_agent() -> None:
    bench = greeted()
    bench.voice(ToolCalled("r", "f", "c1", "transfer", "{}"))
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    refer = bench.sent_request("REFER")
    bench.voice(LOST)
    bench.run(250)
    bench.voice(GRANTED)
    bench.run(3_000)
    assert bench.heard(FILLER) == 0, "he hears the other line"
    assert not bench.sent("BYE")
    bench.respond(response(refer, 486))
    assert bench.call.state is CallState.UP
    bench.told.clear()
    bench.command(GiveToolResult(tool_call_id="c1", output="busy"))
    assert bench.told == [ToolResult("c1", "busy", respond=True)]


def test_a_caller_who_comes_back_before_there_is_a_session_waits_for_it() -> None:
    bench = greeted()
    bench.voice(ToolCalled("r", "f", "c1", "transfer", "{}"))
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    refer = bench.sent_request("REFER")
    bench.voice(LOST)
    bench.respond(response(refer, 486))
    bench.command(GiveToolResult(tool_call_id="c1", output="busy"))
    assert bench.call.state is CallState.UP
    bench.run(250)
    bench.voice(GRANTED)
    assert responds(bench)[-1] == Respond()


def test_a_caller_who_comes_back_while_none_is_there_is_asked_for_patience() -> None:
    bench = greeted()
    bench.command(StartTransfer(target="sip:desk@192.0.2.40"))
    refer = bench.sent_request("REFER")
    bench.voice(LOST)
    bench.respond(response(refer, 486))
    bench.run(600)
    assert bench.heard(FILLER) == 480
    bench.voice(GRANTED)
    bench.run(5_000)
    assert bench.heard(FILLER) == 480
    assert not responds(bench)


def test_a_session_lost_behind_the_goodbye_is_not_replaced() -> None:
    bench = greeted()
    bench.say(1_000)
    bench.command(HangUp(after_words=True))
    bench.voice(LOST)
    bench.run(1_500)
    assert len(bench.opened) == 1
    assert bench.is_released


def test_a_goodbye_that_the_loss_cut_off_is_heard_as_far_as_it_came_and_ends_the_call() -> None:
    bench = greeted()
    before = bench.heard(WORD)
    bench.voice(ResponseStarted("r"), AudioReceived("r", "bye", 0, WORD * 8_000))
    bench.command(HangUp(after_words=True))
    bench.voice(LOST)
    bench.run(1_100)
    assert bench.heard(WORD) == before + 8_000
    assert bench.is_released, "nothing more is to come"


def test_a_goodbye_is_said_to_its_end_by_the_session_that_began_it() -> None:
    bench = timed(80)
    before = bench.heard(WORD)
    bench.run(51_000)
    bench.voice(ResponseStarted("r"), AudioReceived("r", "bye", 0, WORD * 800), epoch=0)
    bench.command(HangUp(after_words=True))
    bench.voice(GRANTED)
    assert (bench.used, bench.closed) == ([0], [])
    assert bench.call.state is CallState.LEAVING
    finished = ResponseFinished("r", ResponseStatus.COMPLETED)
    bench.voice(AudioReceived("r", "bye", 0, WORD * 800), finished, epoch=0)
    bench.run(400)
    assert bench.heard(WORD) == before + 1_600
    assert bench.is_released
    assert sorted(bench.closed) == [0, 1]


def test_a_call_that_ends_while_a_session_is_opened_closes_it() -> None:
    bench = greeted()
    lose(bench)
    bench.send("BYE")
    assert bench.closed == [1]
    assert bench.is_released
