"""What the caller hears while a function works: patience is asked for, but not in a transfer."""

import pytest

from telephony.call import VoicePlan
from telephony.call.conversation import Conversation, Outlets, Prompts
from telephony.voice import ToolCalled
from tests.support.media import ms, port

PROMPTS = Prompts(apology=b"\x01" * 800, filler=b"\x02" * 800)


@pytest.mark.parametrize(("is_transfer", "said"), [(False, 800), (True, 0)])
def test_only_a_function_that_is_no_transfer_is_filled(*, is_transfer: bool, said: int) -> None:
    leg = port()
    outlets = Outlets(
        note=lambda _row: None, tell=lambda _command: None, append=lambda _audio: None
    )
    plan = VoicePlan(url="ws://192.0.2.1/", agent="reception")
    conversation = Conversation(plan, outlets, PROMPTS, epoch=0, opened_ns=ms(0))
    conversation.join(leg)
    conversation.handle_voice_event(ToolCalled("r", "i", "c", "name", "{}"), ms(100))
    if is_transfer:
        conversation.leave_unfilled("c")
    assert conversation.next_deadline() == (None if is_transfer else ms(2100))
    conversation.handle_timer(ms(2100))
    assert leg.playout.queued_samples == said
