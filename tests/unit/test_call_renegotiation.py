"""Hold, re-INVITE and delayed offers, as a call sees them."""

import pytest

from telephony.call import (
    CallState,
    StartTransfer,
)
from telephony.voice import (
    CancelResponse,
    DeleteItem,
    ItemCameLate,
    Respond,
    ResponseStarted,
    SessionClosed,
    SpeechStarted,
)
from tests.support.call_bench import GRANTED, WORD, CallBench, sdp
from tests.support.sip_peer import response

LOST = SessionClosed(is_clean=False, code=1006, reason="reset")
GREETING = Respond("Say hello")


def greetings(bench: CallBench) -> int:
    return bench.told.count(GREETING)


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


def test_an_item_of_a_response_cancelled_before_its_first_word_is_deleted() -> None:
    bench = CallBench()
    bench.talk()
    bench.voice(ResponseStarted("r"), SpeechStarted("u1", 40))
    assert bench.told == [CancelResponse("r")]
    bench.voice(ItemCameLate("r", "late"))
    assert bench.told[1:] == [DeleteItem("late")]
    bench.run(100)
    assert bench.heard(WORD) == 0
