"""What becomes of the agent's words when the caller's keys are complete."""

import pytest

from telephony.call import Prompts, VoicePlan
from telephony.call.conversation import Conversation, Outlets
from telephony.media import RtpPort
from telephony.voice import (
    AddText,
    AudioReceived,
    CancelResponse,
    DeleteItem,
    Respond,
    ResponseStarted,
    SessionGranted,
    VoiceCommand,
    VoiceFormat,
)
from tests.support.media import ms, port

PROMPTS = Prompts(apology=b"\x01" * 800, filler=b"\x02" * 800)


def conversation(leg: RtpPort, told: list[VoiceCommand], *, by_keys: bool = True) -> Conversation:
    outlets = Outlets(note=lambda _row: None, tell=told.append, append=lambda _audio: None)
    plan = VoicePlan(url="ws://192.0.2.1/", agent="reception", may_be_interrupted_by_keys=by_keys)
    made = Conversation(plan, outlets, PROMPTS, epoch=0, opened_ns=ms(0))
    made.join(leg)
    made.handle_voice_event(SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU), ms(1))
    return made


@pytest.mark.parametrize("by_keys", [True, False])
def test_complete_keys_stop_the_words_that_began_since_they_were_pressed(*, by_keys: bool) -> None:
    leg, told = port(), list[VoiceCommand]()
    made = conversation(leg, told, by_keys=by_keys)
    made.handle_key()
    made.handle_voice_event(ResponseStarted("r"), ms(10))
    made.handle_voice_event(AudioReceived("r", "i", 0, bytes(800)), ms(20))
    told.clear()
    made.handle_keys("1", ms(2020))
    stopped = [CancelResponse("r"), DeleteItem("i")] if by_keys else []
    assert told == [*stopped, AddText("[keys 1]"), Respond()]
    assert leg.playout.queued_samples == (0 if by_keys else 800)
