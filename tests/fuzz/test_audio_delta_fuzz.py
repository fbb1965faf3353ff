"""However a server writes an audio delta, one pass reads of it just what strict base64 holds."""

import base64
import json
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.realtime.audio_messages import BadAudioError, decode_audio, read_audio_delta
from telephony.realtime.events import AudioDelta, parse_server_event
from telephony.voice import AudioReceived

LETTERS = "AQRk+/-_= \n"
"""Of both alphabets, with and without bits that padding must leave empty, and of neither."""


def strict(delta: str) -> bytes | None:
    """Decode as RFC 4648 section 4 says; None for what is none."""
    try:
        return decode_audio(delta)
    except BadAudioError:
        return None


def assert_read_strictly(delta: str) -> None:
    """Hold that what is read is what strict base64 holds, and that the models judge the rest."""
    fields = {"response_id": "r", "item_id": "i", "content_index": 0, "delta": delta}
    text = json.dumps({"type": "response.output_audio.delta", **fields}).encode()
    wanted = strict(delta)
    read = read_audio_delta(text)
    if wanted is not None and base64.b64encode(wanted).decode() == delta:
        assert read == AudioReceived("r", "i", 0, wanted)
    elif read is not None:
        assert read.audio == wanted
    else:
        event = parse_server_event(text)
        assert isinstance(event, AudioDelta)
        assert strict(event.delta) == wanted


@pytest.mark.parametrize("length", range(5))
def test_every_short_delta_is_read_strictly(length: int) -> None:
    for letters in product(LETTERS, repeat=length):
        assert_read_strictly("".join(letters))


@given(
    st.binary(max_size=400),
    st.lists(st.tuples(st.integers(0, 600), st.text(LETTERS, max_size=2)), max_size=3),
    st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_a_delta_with_letters_changed_is_read_strictly(
    audio: bytes, changes: list[tuple[int, str]], encode: Callable[[bytes], bytes]
) -> None:
    delta = encode(audio).decode()
    for at, letters in changes:
        delta = delta[:at] + letters + delta[at + 1 :]
    assert_read_strictly(delta)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_strictly(delta: str) -> None:
    assert_read_strictly(delta)


@given(
    st.dictionaries(
        st.sampled_from(["type", "response_id", "item_id", "content_index", "delta", "more"]),
        st.one_of(
            st.sampled_from(["response.output_audio.delta", "response.audio.delta", "QUJD", "r"]),
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.lists(st.just("QUJD"), max_size=1),
        ),
    )
)
def test_what_is_read_is_what_the_models_read(fields: dict[str, object]) -> None:
    text = json.dumps({"type": "response.output_audio.delta", **fields}).encode()
    read = read_audio_delta(text)
    if read is not None:
        event = parse_server_event(text)
        assert isinstance(event, AudioDelta)
        audio = decode_audio(event.delta)
        assert read == AudioReceived(event.response_id, event.item_id, event.content_index, audio)
