"""Rows H1-H4: the model's audio."""
# ruff: noqa: N802

import base64
import binascii

from telephony.realtime.content import Content
from telephony.realtime.late_audio import CutAudio
from telephony.voice import (
    AudioFinished,
    AudioReceived,
    CancelResponse,
    VoiceErrorReceived,
    VoiceFormat,
)
from tests.support.realtime_rig import (
    Rig,
    audio_done,
    delta,
    response_created,
    response_done,
    speech_started,
)
from tests.support.realtime_rows import Replace, row

AUDIO = bytes(range(160))
TEXT = base64.b64encode(AUDIO).decode()
BAD_TEXTS = (TEXT[:-1], "%" + TEXT, TEXT[:9] + "\n" + TEXT[9:], "====", TEXT + "A")

take_audio = Content.take_audio


def let_all_in(self: CutAudio, response_id: str, item_id: str) -> bool:
    """Take audio whenever it comes."""
    del self, response_id, item_id
    return False


def demand_a_session(self: Content, received: AudioReceived) -> None:
    """Refuse what comes before the session said in which format its audio is."""
    if self.output_format is VoiceFormat.PCM:
        raise LookupError("the audio's format is not known")
    take_audio(self, received)


@row("H1", Replace("telephony.realtime.content.decode_audio", binascii.a2b_base64))
async def test_H1_a_delta_is_decoded_strictly_and_a_bad_one_costs_only_itself(rig: Rig) -> None:
    await rig.grant()
    await rig.says(response_created(), *(delta(text) for text in BAD_TEXTS))
    assert [event.code for event in rig.of(VoiceErrorReceived)] == ["bad_audio"] * len(BAD_TEXTS)
    assert rig.session.counters.bad_audio == len(BAD_TEXTS)
    await rig.says(delta(AUDIO, content_index=1))
    assert rig.of(AudioReceived) == [AudioReceived("r1", "i1", 1, AUDIO)]


@row("H2")
async def test_H2_the_end_of_an_items_audio_is_told(rig: Rig) -> None:
    await rig.grant()
    await rig.says(response_created(), delta(AUDIO), audio_done())
    assert rig.told[-1] == AudioFinished("r1", "i1", 0)


@row("H3", Replace("telephony.realtime.content.Content.take_audio", demand_a_session))
async def test_H3_audio_before_any_word_of_the_session_is_heard(rig: Rig) -> None:
    await rig.open(delta(AUDIO))
    await rig.until(lambda: rig.session.counters.messages == 1)
    assert rig.told == [AudioReceived("r1", "i1", 0, AUDIO)]


@row("H4", Replace("telephony.realtime.late_audio.CutAudio.is_late", let_all_in))
async def test_H4_late_audio_of_an_interrupted_response_is_dropped_by_its_id(rig: Rig) -> None:
    await rig.grant()
    await rig.says(response_created("r1"), delta(AUDIO))
    await rig.says(speech_started(), delta(AUDIO), delta(AUDIO, "i2"))
    await rig.says(response_done("r1", "cancelled"), delta(AUDIO, "i3"))
    assert len(rig.of(AudioReceived)) == 1
    assert rig.session.counters.late_deltas == 3
    await rig.says(response_created("r2"), delta(AUDIO, "i4", "r2"))
    rig.command(CancelResponse())
    await rig.says(delta(AUDIO, "i4", "r2"), delta(AUDIO, "i5", "r3"))
    assert [event.item_id for event in rig.of(AudioReceived)] == ["i1", "i4", "i5"]
