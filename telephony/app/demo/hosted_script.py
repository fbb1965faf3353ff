"""What the callers of `telephony demo --hosted` do."""

import asyncio

from telephony.app.demo.provider import Note, StandInProvider

__all__ = ["FIRST_CALL", "SECOND_CALL", "act", "is_tool_result"]

FIRST_CALL, SECOND_CALL = "rtc_demo_1", "rtc_demo_2"
WAIT_SECONDS = 12.0
"""For any one thing to happen."""
LISTEN_SECONDS = 1.5
"""How long a caller listens before pressing a key."""
FROM = '"Demo caller" <sip:+15550100@example.com>;tag=demo'


async def act(provider: StandInProvider, url: str, secret: str) -> None:
    """Let one caller ask for the hours and for a person, and another say goodbye.

    Raises:
        TransportError: Something was waited for in vain.
    """
    await _call(provider, url, secret, FIRST_CALL, repeats=1)
    provider.press(FIRST_CALL, "1")
    await provider.noted("message", FIRST_CALL, WAIT_SECONDS, is_tool_result)
    await asyncio.sleep(LISTEN_SECONDS)
    provider.press(FIRST_CALL, "2")
    await provider.noted("refer", FIRST_CALL, WAIT_SECONDS)
    await _call(provider, url, secret, SECOND_CALL)
    provider.press(SECOND_CALL, "3")
    await provider.noted("hangup", SECOND_CALL, WAIT_SECONDS)


async def _call(
    provider: StandInProvider, url: str, secret: str, call: str, *, repeats: int = 0
) -> None:
    """Let a caller in, and have him listen to the greeting for a while."""
    headers = {"From": FROM, "To": "<sip:+15551234567@example.com>", "X-Demo": "yes"}
    for _ in range(1 + repeats):
        await provider.tell_of_call(call, url, secret, headers)
    await provider.noted("accept", call, WAIT_SECONDS)
    await provider.noted("attach", call, WAIT_SECONDS)
    await provider.noted("message", call, WAIT_SECONDS, _asks_for_words)
    await asyncio.sleep(LISTEN_SECONDS)


def _asks_for_words(note: Note) -> bool:
    """Whether a message asks the model to speak."""
    return bool(note.details["event"].get("type") == "response.create")


def is_tool_result(note: Note) -> bool:
    """Whether a message has what a tool gave."""
    match note.details["event"]:
        case {"item": {"type": "function_call_output"}}:
            return True
        case _:
            return False
