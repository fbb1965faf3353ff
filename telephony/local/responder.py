"""Who answers: asks the dialog what to say and runs one response at a time."""

import re

from telephony.local.dialog import CallerSaid, Dialog, Heard, Reply, ToolReturned
from telephony.local.faults import RefusedEventError
from telephony.local.items import ConversationItems, Entry
from telephony.local.menu import Menu
from telephony.local.outbox import Outbox
from telephony.local.playout import CallerPlayout
from telephony.local.responses import CancelReason, Plan, Response
from telephony.local.settings import SessionInForce
from telephony.local.speaker import Speaker
from telephony.realtime import client_events
from telephony.units import Nanoseconds

__all__ = ["Responder"]

SAY = re.compile(r'\bsay\b[^":]{0,80}:?\s*"([^"]+)"|\bsay(?:\s+exactly)?\s*:\s*(\S.*)', re.I | re.S)
"""Instructions for one response may give its words: `Say "One moment."` or `Say exactly: Hello.`"""
SESSION_DEFAULTS = client_events.ResponseParameters()


class Responder:
    """The agent's side of one conversation."""

    def __init__(
        self,
        conversation: ConversationItems,
        speaker: Speaker,
        outbox: Outbox,
        playout: CallerPlayout | None = None,
    ) -> None:
        """Begin silent.

        Args:
            conversation: What is answered, and what answers join.
            speaker: The voice.
            outbox: Where events go.
            playout: Takes what is spoken where the client does not play it.
        """
        self._conversation = conversation
        self._speaker = speaker
        self._outbox = outbox
        self._playout = playout
        self._dialog = Dialog()
        self._response: Response | None = None
        self._waiting: SessionInForce | None = None
        self.has_spoken = False
        """Whether any audio has been sent in this session."""

    def configure(self, menu: Menu) -> None:
        """Take the menu of the session's instructions and tools."""
        self._dialog.configure(menu)

    def go_on_behind(self, words: str) -> None:
        """Learn what the agent said last, before this session; all before that is answered."""
        self._conversation.take_unanswered()
        self._dialog.go_on_behind(words)

    def respond(
        self,
        config: SessionInForce,
        parameters: client_events.ResponseParameters | None,
        now_ns: Nanoseconds,
    ) -> None:
        """Answer what is unanswered.

        Args:
            config: The session in force.
            parameters: What this response shall do differently from it.
            now_ns: The time.

        Raises:
            RefusedEventError: A response is under way; the client's fault.
        """
        if self._response is not None:
            message = (
                "Conversation already has an active response in progress: "
                f"{self._response.response_id}. Wait until the response is finished before "
                "creating a new one."
            )
            raise RefusedEventError("conversation_already_has_active_response", message)
        parameters = parameters or SESSION_DEFAULTS
        is_outside = parameters.conversation == "none"
        plan = self._plan(self._reply(parameters), config, parameters)
        conversation = None if is_outside else self._conversation
        self._response = Response(plan, conversation, self._outbox, self._playout)
        self._response.start(now_ns)
        self._follow(now_ns)

    def respond_when_free(self, config: SessionInForce, now_ns: Nanoseconds) -> None:
        """Answer now, or as soon as the response under way has ended."""
        if self._response is None:
            self.respond(config, None, now_ns)
        else:
            self._waiting = config

    def interrupt(self) -> None:
        """Stop whatever is being said, because the caller speaks."""
        self._waiting = None
        if self._response is not None:
            self._stop(self._response, "turn_detected")

    def cancel(self, response_id: str | None, now_ns: Nanoseconds) -> None:
        """Stop the response under way, as the client asks.

        Args:
            response_id: The response that is meant; None means whichever is under way.
            now_ns: The time.

        Raises:
            RefusedEventError: That response is not under way; the client's fault, and harmless.
        """
        response = self._response
        if response is None or response_id not in (None, response.response_id):
            message = "Cancellation failed: no active response found"
            raise RefusedEventError("response_cancel_not_active", message)
        self._stop(response, "client_cancelled")
        self._follow(now_ns)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn that `next_deadline()` has passed."""
        if self._response is not None:
            self._response.handle_timer(now_ns)
            self._follow(now_ns)

    def next_deadline(self) -> Nanoseconds | None:
        """Say when the next audio is due, None while nothing is being said."""
        return self._response.next_deadline() if self._response is not None else None

    def _stop(self, response: Response, reason: CancelReason) -> None:
        response.cancel(reason)
        self._response = None

    def _follow(self, now_ns: Nanoseconds) -> None:
        """Go on to the turn that waits, once the response has ended."""
        if self._response is not None:
            self.has_spoken = self.has_spoken or self._response.has_spoken
            if self._response.is_done:
                self._response = None
        if self._response is None and (config := self._waiting) is not None:
            self._waiting = None
            self.respond(config, None, now_ns)

    def _reply(self, parameters: client_events.ResponseParameters) -> Reply:
        heard: list[Heard] = []
        if parameters.conversation != "none":
            heard = self._heard(self._conversation.take_unanswered())
        if say := SAY.search(parameters.instructions or ""):
            return self._dialog.recite(say[1] or say[2])
        reply = self._dialog.answer(heard)
        return Reply(reply.phrases) if parameters.tool_choice == "none" else reply

    def _heard(self, entries: list[Entry]) -> list[Heard]:
        """Give what the tools said, then the caller's last turn: it overtakes those before it."""
        heard: list[Heard] = [
            ToolReturned(self._conversation.function_name(entry.call_id) or "", entry.output)
            for entry in entries
            if entry.type == "function_call_output"
        ]
        turns = [entry for entry in entries if entry.type == "message"]
        if turns:
            text = " ".join(part.heard or part.text or "" for part in turns[-1].parts).strip()
            heard.append(CallerSaid(text))
        return heard

    def _plan(
        self, reply: Reply, config: SessionInForce, parameters: client_events.ResponseParameters
    ) -> Plan:
        modalities = parameters.output_modalities or config.output_modalities
        is_spoken = "audio" in modalities
        phrases = self._speaker.say(reply.phrases, config.output_format)
        return Plan(
            phrases,
            reply.call,
            config.output_format if is_spoken else None,
            parameters.metadata,
        )
