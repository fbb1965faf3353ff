"""The shipped recordings are what their indexes say, sound right, and join into texts."""

# pyright: reportUnknownMemberType=false
# numpy's stubs name types that Python 3.11, the version checked for, does not know.

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from telephony.local.voices import (
    Recording,
    Utterance,
    Voice,
    VoiceError,
    load_recordings,
)
from telephony_codecs import decode_pcmu

ROOT = Path(__file__).parents[2]
SETS = [
    ("telephony/local/prompts", "telephony/local/prompts.toml"),
    ("telephony/app/demo_audio", "telephony/app/demo_audio/utterances.toml"),
    ("tests/fixtures/speech", "tests/fixtures/speech/utterances.toml"),
]
FOLDERS = [folder for folder, _ in SETS]
VOICE = Voice.load()


def rows(folder: str) -> list[dict[str, Any]]:
    index = json.loads((ROOT / folder / "index.json").read_text(encoding="utf-8"))
    assert (index["format"], index["rate_hz"]) == ("PCMU", 8_000)
    found: list[dict[str, Any]] = index["recordings"]
    return found


def samples(octets: bytes) -> NDArray[np.float64]:
    return np.frombuffer(decode_pcmu(octets), "<i2").astype(float)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_what_its_index_says(folder: str) -> None:
    index = rows(folder)
    for row in index:
        octets = (ROOT / folder / f"{row['id']}.ulaw").read_bytes()
        assert (row["id"], len(octets)) == (row["id"], row["samples"])
        assert hashlib.sha256(octets).hexdigest() == row["sha256"], row["id"]
    files = {file.stem for file in (ROOT / folder).glob("*.ulaw")}
    assert files == {row["id"] for row in index}


@pytest.mark.parametrize(("folder", "texts"), SETS)
def test_every_index_has_the_texts_that_stand_in_the_source(folder: str, texts: str) -> None:
    """It fails when a text was changed and not rendered again."""
    sections = tomllib.loads((ROOT / texts).read_text(encoding="utf-8"))
    wanted = [
        (section, name, value if isinstance(value, str) else value["text"])
        for section, entries in sections.items()
        for name, value in entries.items()
    ]
    assert [(row["kind"], row["id"], row["text"]) for row in rows(folder)] == wanted


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_recording_is_at_one_level_and_neither_clipped_nor_cut(folder: str) -> None:
    for row in rows(folder):
        audio = samples((ROOT / folder / f"{row['id']}.ulaw").read_bytes())
        frames = audio[: len(audio) // 80 * 80].reshape(-1, 80)
        levels = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) / 32768 + 1e-6)
        active = levels[levels > levels.max() - 30]
        assert -24 < 10 * np.log10((10 ** (active / 10)).mean()) < -19, row["id"]
        assert np.abs(audio).max() < 0.95 * 32768, row["id"]
        assert levels[0] < levels.max() - 20, row["id"]
        assert levels[-1] < levels.max() - 20, row["id"]
        # No pause of a second, and nothing shorter than a letter or longer than the monologue.
        assert 0.25 < len(audio) / 8_000 < 15, row["id"]


def test_all_recordings_together_are_under_two_megabytes() -> None:
    assert sum(int(row["samples"]) for folder, _ in SETS for row in rows(folder)) < 2_000_000


def test_the_greeting_is_long_enough_to_be_interrupted() -> None:
    assert 6 * 8_000 < len(VOICE.prompt("greeting")) < 9 * 8_000
    assert "automated assistant" in VOICE.recording("greeting").text


SPOKEN = [
    # text, what is said
    ("Goodbye.", "Goodbye."),
    ("GOODBYE", "Goodbye."),
    ("I am transferring you now! please hold", "I am transferring you now. Please hold."),
    ("Goodbye. One moment, please.", "Goodbye. One moment, please."),
    ("You pressed 4.", "You pressed four"),
    ("You pressed 7 * #.", "You pressed seven star pound"),
    ("You pressed 42, 90, 17 and 05.", "You pressed forty two ninety seventeen and zero five"),
    ("4711", "four seven one one"),
    ("Your order AB12 is shipped.", "Your order a b one two is shipped"),
    ("Your order x9 is open", "Your order x nine is open"),
    ("Press 2 for billing.", "Press two for billing"),
    ("Press 2 for gift cards.", "Press two for option two"),
    (
        "Press 1 for sales, press * for gift cards, press 0 for the operator",
        "Press one for sales Press star for option star Press zero for the operator",
    ),
    ("", ""),
    ("  ...  ", ""),
]


@pytest.mark.parametrize(("text", "spoken"), SPOKEN)
def test_a_text_is_spoken_by_its_longest_recordings(text: str, spoken: str) -> None:
    utterance = VOICE.speak(text)
    assert (utterance.transcript, utterance.spoken) == (text, spoken)
    assert bool(utterance.octets) is bool(spoken)


@pytest.mark.parametrize("name", sorted(VOICE.names))
def test_every_recorded_text_is_spoken_by_its_own_recording(name: str) -> None:
    recording = VOICE.recording(name)
    if recording.kind == "letters":
        written = recording.text.upper()
        assert VOICE.speak(written) == Utterance(recording.octets, written, recording.text)
    else:
        assert len(VOICE.speak(recording.text).octets) == len(recording.octets)
        assert VOICE.speak(recording.text).spoken == recording.text


UNSPEAKABLE = [
    "The weather is nice.",
    "5% off",
    "Привет.",
    "Press 12 for sales",
    "€ 5",
    "½",
    "naïve",
]
TOO_LONG_TO_SPELL = "ABCDEFGHIJKLM"


@pytest.mark.parametrize("text", [*UNSPEAKABLE, TOO_LONG_TO_SPELL, "ÄÖ"])
def test_a_sentence_without_a_recording_is_replaced_or_left_out(text: str) -> None:
    assert not VOICE.can_speak(text)
    assert VOICE.speak(text).spoken == VOICE.recording("no_recording").text
    assert VOICE.speak(text, instead="apology").octets == VOICE.prompt("apology")
    assert VOICE.speak(text, instead=None) == Utterance(b"", text, "")


def test_the_replacement_is_said_once_and_the_rest_is_kept() -> None:
    text = "It rains. Thank you. It still rains. Goodbye."
    no_recording = VOICE.recording("no_recording").text
    assert VOICE.speak(text).spoken == f"{no_recording} Thank you. Goodbye."
    assert VOICE.speak(text, instead=None).spoken == "Thank you. Goodbye."


def test_what_can_be_spoken_is_known_beforehand() -> None:
    assert VOICE.can_speak("Your order AB12 is shipped. Goodbye.")
    assert not VOICE.can_speak("Press 2 for gift cards.")


def test_pauses_follow_the_punctuation() -> None:
    four, two = VOICE.prompt("four"), VOICE.prompt("two")
    for text, pause_ms in (("4 2", 40), ("4, 2", 160), ("4. 2", 320), ("4: 2", 320)):
        joined = VOICE.speak(text).octets
        assert joined.startswith(four + b"\xff" * (8 * pause_ms))
        assert joined.endswith(two)
        assert len(joined) == len(four) + 8 * pause_ms + len(two)


def test_a_text_beyond_the_limit_is_not_spoken() -> None:
    spoken = VOICE.speak("4" * 4_001).spoken.split()
    assert (len(spoken), set(spoken)) == (4_000, {"four"})


@given(st.text(max_size=200))
def test_any_text_is_spoken_or_replaced(text: str) -> None:
    utterance = VOICE.speak(text)
    assert utterance.transcript == text
    assert bool(utterance.octets) is bool(utterance.spoken)


def test_an_unknown_name_is_an_error_of_the_caller() -> None:
    with pytest.raises(VoiceError, match="no recording is named 'nothing'"):
        VOICE.prompt("nothing")
    with pytest.raises(VoiceError, match="no recording is named 'nothing'"):
        VOICE.speak("Goodbye.", instead="nothing")


def test_two_recordings_may_not_share_a_name_or_words() -> None:
    hello = Recording("hello", "words", "Hello.", b"\xff")
    with pytest.raises(VoiceError, match="two recordings are named 'hello'"):
        Voice([hello, hello])
    with pytest.raises(VoiceError, match="two recordings say 'hello'"):
        Voice([hello, Recording("again", "words", "hello", b"\xff")])


def test_a_voice_without_recordings_is_silent() -> None:
    voice = Voice([])
    assert voice.speak("AB 12", instead=None) == Utterance(b"", "AB 12", "")


def test_a_damaged_install_is_told(tmp_path: Path) -> None:
    row = {"id": "hello", "kind": "words", "text": "Hello.", "sha256": "0" * 64}
    (tmp_path / "index.json").write_text(json.dumps({"recordings": [row]}), encoding="utf-8")
    with pytest.raises(VoiceError, match="'hello' is missing"):
        list(load_recordings(tmp_path))
    (tmp_path / "hello.ulaw").write_bytes(b"\xff")
    with pytest.raises(VoiceError, match="'hello' is not what the index says"):
        list(load_recordings(tmp_path))
