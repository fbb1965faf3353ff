"""A client of the embedded server's sessions on a virtual clock, without sockets."""

import json
from base64 import b64decode, b64encode
from typing import Any

from telephony.local import LocalSession, LogLine, Message, Speaker, Voice
from telephony.local.voices import Recording
from telephony.units import Nanoseconds, ms_to_ns

Event = dict[str, Any]

PROMPT_MS = 1_000
PROMPTS = (
    "Thank you for calling. You are talking to an automated assistant.",
    "Press 1 for opening hours.",
    "Press 2 for the operator.",
    "Press 0 to hear this again.",
    "I did not understand that.",
    "One moment, please.",
    "I am transferring you now. Please hold.",
    "Is there anything else?",
    "We are open.",
)


def tiny_voice(prompt_ms: int = PROMPT_MS) -> Voice:
    """Make a voice whose every prompt lasts as long, each of an octet of its own."""
    octets = 8 * prompt_ms
    recordings = [
        Recording(f"prompt{n}", "sentences", text, bytes([n]) * octets)
        for n, text in enumerate(PROMPTS)
    ]
    return Voice([*recordings, Recording("no_recording", "words", "none", b"\x7f" * octets)])


class LocalClient:
    """Talks to one session and keeps what it says."""

    def __init__(self, voice: Voice | None = None) -> None:
        """Open a session and read its greeting."""
        self.now_ns = Nanoseconds(0)
        self.session = LocalSession("t", Speaker(voice or tiny_voice()))
        self.log: list[LogLine] = []
        self.texts: list[bytes] = []
        self.events: list[Event] = []
        self._drain()

    def send(self, event_type: str, **fields: Any) -> list[Event]:
        """Send an event and give what came of it at once."""
        return self.send_text(json.dumps({"type": event_type, **fields}).encode())

    def send_text(self, text: bytes) -> list[Event]:
        """Send a raw message and give what came of it at once."""
        self.session.handle_message(text, self.now_ns)
        return self._drain()

    def append(self, audio: bytes) -> list[Event]:
        """Append some audio."""
        return self.send("input_audio_buffer.append", audio=b64encode(audio).decode())

    def say(self, text: str) -> list[Event]:
        """Add a typed turn and ask for an answer."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        return self.send("conversation.item.create", item=item) + self.send("response.create")

    def pass_ms(self, ms: float) -> list[Event]:
        """Let time pass, the session's timers firing on the way."""
        end = self.now_ns + ms_to_ns(ms)
        events: list[Event] = []
        while (deadline := self.session.next_deadline()) is not None and deadline <= end:
            self.now_ns = max(self.now_ns, deadline)
            self.session.handle_timer(self.now_ns)
            events += self._drain()
        self.now_ns = Nanoseconds(end)
        return events

    def finish(self) -> list[Event]:
        """Let the response under way come to its end."""
        return self.pass_ms(60_000)

    def update(self, **session: Any) -> list[Event]:
        """Change the session."""
        return self.send("session.update", session={"type": "realtime", **session})

    def _drain(self) -> list[Event]:
        events: list[Event] = []
        while (output := self.session.poll_output()) is not None:
            if isinstance(output, Message):
                self.texts.append(output.text)
                events.append(json.loads(output.text))
            else:
                self.log.append(output)
        self.events += events
        return events


TELEPHONE = {
    "input": {"format": {"type": "audio/pcmu"}},
    "output": {"format": {"type": "audio/pcmu"}},
}
TOOLS = [
    {"type": "function", "name": "opening_hours"},
    {"type": "function", "name": "transfer_to_operator"},
]


def telephone_client() -> LocalClient:
    """Open a session in mu-law with two tools, as a call has it."""
    client = LocalClient()
    client.update(audio=TELEPHONE, tools=TOOLS)
    return client


def types(events: list[Event]) -> list[str]:
    """Give the types of events, runs of audio and transcript deltas as one each."""
    named = [event["type"] for event in events]
    return [
        name
        for n, name in enumerate(named)
        if not name.endswith(".delta") or named[n - 1 : n] != [name]
    ]


def audio_of(events: list[Event]) -> bytes:
    """Give the audio of the deltas among events."""
    deltas = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    return b"".join(map(b64decode, deltas))
