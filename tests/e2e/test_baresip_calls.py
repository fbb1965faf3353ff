"""baresip, a softphone of others, calls `telephony serve`, as a person would (issue: shown by 3).

Nothing is configured but the operator: the embedded server speaks. What the caller heard is judged
by baresip's own recording, what the product did by its event log.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import baresip, capture
from tests.support.baresip import PCMA, Baresip, Phone
from tests.support.capture import Capture
from tests.support.child import ROOT
from tests.support.far_end import read_streams
from tests.support.hearing import in_order
from tests.support.patience import wait_until
from tests.support.ports import LOOPBACK
from tests.support.product import Product
from tests.support.recording import Samples, find, from_mu_law, read_wav, same_samples
from tests.support.void import unless_void

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(baresip.missing_reason() is not None, reason=str(baresip.missing_reason())),
]

PROMPTS = ROOT / "telephony" / "local" / "prompts"
FIRST_WORDS_SAMPLES = 12_000
"""A second and a half of the greeting: its first syllables and more."""
FIRST_AUDIO_MS = 600.0
"""From the answer to the first sample of the greeting in the recording."""
NOT_BEFORE_MS = -5.0
STILL_MS = 40.0
"""More than that costs a call packets: it sends two at once, and goes on in time."""


def prompt(name: str) -> Samples:
    return from_mu_law((PROMPTS / f"{name}.ulaw").read_bytes())


@pytest.fixture(scope="module")
def operator() -> Iterator[Baresip]:
    """The phone that calls are transferred to; it rings until a test answers it."""
    with Baresip(Phone("operator", answers="manual")) as phone:
        yield phone


@pytest.fixture(scope="module")
def product(operator: Baresip) -> Iterator[Product]:
    with tempfile.TemporaryDirectory() as folder:
        arguments = ("--operator", operator.uri)
        with Product(Path(folder), arguments=arguments) as served:
            yield served


@pytest.fixture
def phones() -> Iterator[ExitStack]:
    """Phones of a test; what tries again in real time closes those of the try before."""
    with ExitStack() as stack:
        yield stack


def call(product: Product, phones: ExitStack, phone: Phone) -> tuple[Baresip, str]:
    """Dial in, and give the phone and the id of its call."""
    before = set(product.call_ids())
    caller = phones.enter_context(Baresip(phone))
    caller.dial(product.uri())
    caller.wait_for("CALL_ESTABLISHED")
    wait_until(lambda: set(product.call_ids()) != before)
    return caller, next(one for one in product.call_ids() if one not in before)


def heard(phone: Baresip) -> Samples:
    """What the phone heard in its first call, once that is over."""
    return read_wav(phone.received_audio()[0])


def assert_heard_from_the_first_syllable(recording: Samples) -> None:
    """Hold that the greeting stands in a recording, early and with nothing missing."""
    greeting = prompt("greeting")
    begin = find(greeting, recording)
    assert begin is not None, "the greeting is not in the recording"
    assert NOT_BEFORE_MS <= begin / 8 <= FIRST_AUDIO_MS
    assert same_samples(greeting[:FIRST_WORDS_SAMPLES], recording, begin) == 1.0


def assert_over(product: Product, call_id: str) -> None:
    """Hold that nothing is left of a call."""
    product.wait_for_row(call_id, "call.ended")
    wait_until(lambda: product.metrics()["telephony_calls_up"] == 0)


@pytest.mark.parametrize(
    "phone",
    [Phone("udp"), Phone("tcp", transport="tcp"), Phone("alaw", codecs=(PCMA,))],
    ids=lambda phone: phone.user,
)
@unless_void(STILL_MS)
def test_greeting_is_heard_from_its_first_syllable_and_key_1_tells_the_hours(
    product: Product, phones: ExitStack, phone: Phone
) -> None:
    phones.close()
    caller, call_id = call(product, phones, phone)
    time.sleep(2.2)
    caller.press("1#")
    cut = product.wait_for_row(call_id, "item.truncated")
    said = product.wait_for_row(
        call_id, "speech.transcribed", such=lambda row: "nine to five" in row["text"]
    )
    time.sleep(3.0)
    caller.hangup()
    ended = product.wait_for_row(call_id, "call.ended")
    assert cut["audio_end_ms"] == cut["sent_samples"] // 8
    assert said["role"] == "agent"
    assert ended["by"] == "remote"
    assert ended["counters"]["rtp_lost"] == 0
    codec = "PCMA" if phone.codecs == (PCMA,) else "PCMU"
    assert product.wait_for_row(call_id, "call.answered")["codec"] == codec
    caller.stop_keeping_audio()
    recording = heard(caller)
    assert_heard_from_the_first_syllable(recording)
    hours = prompt("opening_hours")
    begin = find(hours, recording)
    assert begin is not None
    assert same_samples(hours[:FIRST_WORDS_SAMPLES], recording, begin) == 1.0


def test_key_2_transfers_to_a_phone_that_answers_and_our_leg_ends(
    product: Product, phones: ExitStack, operator: Baresip
) -> None:
    caller, call_id = call(product, phones, Phone("caller"))
    caller.press("2#")
    operator.wait_for("CALL_INCOMING")
    operator.accept()
    operator.wait_for("CALL_ESTABLISHED")
    ended = product.wait_for_row(call_id, "transfer.ended")
    over = product.wait_for_row(call_id, "call.ended")
    assert (ended["target"], ended["outcome"]) == (operator.uri, "connected")
    assert over["by"] == "local"
    assert over["at_ms"] >= ended["at_ms"]
    caller.wait_for("CALL_CLOSED")
    time.sleep(1.0)
    assert "CALL_CLOSED" not in operator.event_types()[-1:], "the new call did not stay up"
    caller.hangup()
    operator.wait_for("CALL_CLOSED")
    assert_over(product, call_id)


def test_operator_who_declines_sends_the_caller_back_to_the_agent(
    product: Product, phones: ExitStack, operator: Baresip
) -> None:
    caller, call_id = call(product, phones, Phone("caller"))
    caller.press("2#")
    operator.wait_for("CALL_INCOMING")
    operator.hangup()
    ended = product.wait_for_row(call_id, "transfer.ended")
    said = product.wait_for_row(
        call_id,
        "speech.transcribed",
        such=lambda row: row["at_ms"] > ended["at_ms"] and row["role"] == "agent",
    )
    assert ended["outcome"] in {"busy", "declined"}
    assert "operator" in said["text"].lower()
    caller.press("1#")
    product.wait_for_row(
        call_id,
        "speech.transcribed",
        such=lambda row: "nine to five" in row["text"],
    )
    caller.hangup()
    assert_over(product, call_id)


@pytest.mark.skipif(capture.missing_reason() is not None, reason=str(capture.missing_reason()))
@unless_void(STILL_MS)
def test_agent_waits_while_held_and_goes_on_where_it_was(
    product: Product, phones: ExitStack, tmp_path: Path
) -> None:
    phones.close()
    # baresip records nothing after a hold: what left towards it is captured.
    with Capture(tmp_path / "hold.pcap", product.sent_audio()) as taken:
        caller, call_id = call(product, phones, Phone("caller"))
        remote = product.wait_for_row(call_id, "call.answered")["remote"]
        time.sleep(1.0)
        caller.hold()
        held = product.wait_for_row(call_id, "call.held")
        time.sleep(1.5)
        caller.resume()
        resumed = product.wait_for_row(call_id, "call.resumed")
        finished = product.wait_for_row(call_id, "playout.finished")
        caller.hangup()
        assert_over(product, call_id)
    port = int(remote.rpartition(":")[2])
    packets = in_order(read_streams(taken.path, [port])[port])
    octets = b"".join(packet.payload for packet in packets)
    assert (PROMPTS / "greeting.ulaw").read_bytes() in octets, "a part was lost or repeated"
    held_ms = resumed["at_ms"] - held["at_ms"]
    gap_ms = max(after.time_ns - before.time_ns for before, after in pairwise(packets)) / 1e6
    assert gap_ms == pytest.approx(held_ms, abs=150)
    assert finished["at_ms"] > len(prompt("greeting")) / 8 + held_ms


@unless_void(STILL_MS)
def test_two_calls_at_once_each_hear_their_own_greeting(
    product: Product, phones: ExitStack
) -> None:
    phones.close()
    first, first_id = call(product, phones, Phone("first"))
    second, second_id = call(product, phones, Phone("second"))
    assert product.metrics()["telephony_calls_up"] == 2
    time.sleep(2.5)
    first.hangup()
    product.wait_for_row(first_id, "call.ended")
    assert product.metrics()["telephony_calls_up"] == 1
    second.hangup()
    for phone, call_id in ((first, first_id), (second, second_id)):
        assert_over(product, call_id)
        phone.stop_keeping_audio()
        assert_heard_from_the_first_syllable(heard(phone))


def test_caller_who_hangs_up_while_the_transfer_rings_leaves_nothing_behind(
    product: Product, phones: ExitStack, operator: Baresip
) -> None:
    caller, call_id = call(product, phones, Phone("caller"))
    caller.press("2#")
    operator.wait_for("CALL_INCOMING")
    caller.stop()
    # Who accepts a transfer and then hangs up has taken it over: what came of it is not ours.
    assert product.wait_for_row(call_id, "transfer.ended")["outcome"] == "handed_off"
    operator.wait_for("CALL_CLOSED")
    assert_over(product, call_id)


def test_caller_who_hangs_up_before_the_answer_leaves_nothing_behind(
    product: Product, phones: ExitStack
) -> None:
    before = set(product.call_ids())
    caller = phones.enter_context(Baresip(Phone("hasty")))
    caller.dial(product.uri())
    caller.hangup()
    wait_until(lambda: set(product.call_ids()) != before)
    call_id = next(one for one in product.call_ids() if one not in before)
    assert_over(product, call_id)
    assert LOOPBACK in product.rows(call_id)[0]["source"]
