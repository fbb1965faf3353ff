"""What becomes of the agent's words when the caller's keys are complete."""

import base64
import json

import pytest

from telephony.call import Prompts, VoicePlan
from telephony.call.agent_turn import AgentTurn
from telephony.call.continuity import Continuity
from telephony.call.conversation import Conversation, Outlets
from telephony.call.events import CallEventBody, ItemDeletedFromMemory
from telephony.call.progress import Progress
from telephony.media import RtpPort
from telephony.realtime import RealtimeSession
from telephony.voice import (
    AddText,
    AudioReceived,
    CancelResponse,
    DeleteItem,
    Message,
    Respond,
    ResponseStarted,
    SessionGranted,
    VoiceCommand,
    VoiceFormat,
)
from tests.support.media import ms, port

PROMPTS = Prompts(apology=b"\x01" * 800, filler=b"\x02" * 800)


def lasting(outlets: Outlets) -> Continuity:
    return Continuity(AgentTurn(outlets.tell, PROMPTS.filler), Progress(outlets.note))


def conversation(leg: RtpPort, told: list[VoiceCommand], *, by_keys: bool = True) -> Conversation:
    outlets = Outlets(note=lambda _row: None, tell=told.append, append=lambda _audio: None)
    plan = VoicePlan(url="ws://192.0.2.1/", agent="reception", may_be_interrupted_by_keys=by_keys)
    made = Conversation(plan, outlets, lasting(outlets), epoch=0, opened_ns=ms(0))
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


def test_an_item_begun_behind_our_cancel_is_deleted_from_the_memory_and_the_log() -> None:
    session, leg = RealtimeSession(lambda: "token"), port()
    rows, written = list[CallEventBody](), list[dict[str, object]]()
    outlets = Outlets(
        note=rows.append,
        tell=lambda command: session.handle_command(command, ms(0)),
        append=lambda _audio: None,
    )
    plan = VoicePlan(url="ws://192.0.2.1/", agent="reception")
    made = Conversation(plan, outlets, lasting(outlets), epoch=0, opened_ns=ms(0))
    made.join(leg)

    def hear(kind: str, **fields: object) -> None:
        session.handle_message(json.dumps({"type": kind, **fields}).encode(), ms(0))
        drain()

    def drain() -> None:
        while (output := session.poll_output()) is not None:
            if isinstance(output, Message):
                written.append(json.loads(output.text))
            else:
                made.handle_voice_event(output, ms(0))

    def speak(item_id: str) -> None:
        place = {"response_id": "r", "item_id": item_id, "output_index": 0, "content_index": 0}
        hear("response.output_audio.delta", **place, delta=base64.b64encode(bytes(800)).decode())

    pcmu = {"format": {"type": "audio/pcmu"}}
    hear("session.updated", session={"audio": {"input": pcmu, "output": pcmu}})
    hear("response.created", response={"id": "r", "status": "in_progress"})
    speak("a")
    leg.tick(ms(20))
    made.interrupt()
    drain()
    written.clear()
    speak("a")
    speak("b")
    speak("b")
    assert [(event["type"], event["item_id"]) for event in written] == [
        ("conversation.item.delete", "b")
    ]
    assert rows[-1] == ItemDeletedFromMemory(item_id="b", received_samples=0)
    assert leg.playout.queued_samples == 40  # the ramp
