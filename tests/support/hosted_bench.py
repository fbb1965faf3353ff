"""A hosted call on a virtual clock, its provider and its app scripted; no audio anywhere.

It drives a call as the engine does and holds at every step what is true of any call: rows are
numbered without a gap, `call.ended` is the last of them, and the call is released once, at the end.
"""

from typing import Any

from telephony.call import (
    AttachHosted,
    Call,
    CallCommandBody,
    CallEvent,
    CallSettings,
    CallState,
    CloseVoice,
    EventLog,
    HostedActDone,
    HostedActRequested,
    HostedLeg,
    MediaReady,
    OpenVoice,
    Prompts,
    Released,
    TellVoice,
    UseVoice,
    VoicePlan,
)
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from telephony.voice import (
    PlayoutReported,
    ResponseFinished,
    ResponseStarted,
    ResponseStatus,
    SessionClosed,
    SessionGranted,
    VoiceCommand,
    VoiceEvent,
    VoiceFormat,
)

PLAN = VoicePlan(
    url="ws://model.test", agent="reception", model="m", voice="v", greeting="Say hello"
)
PROMPTS = Prompts(apology=b"\x11" * 800, filler=b"\x22" * 480)
GRANTED = SessionGranted(VoiceFormat.PCMU, VoiceFormat.PCMU)
HOSTED_ID = "rtc_1/2"
WORDS_NS = Nanoseconds(12 * NS_PER_SECOND)


def closed(code: int = 1006, reason: str = "reset") -> SessionClosed:
    """The end of a socket."""
    return SessionClosed(is_clean=code in (1000, 1001, 1005), code=code, reason=reason)


class HostedBench:
    """A call that a provider holds.

    Attributes:
        rows: The event log so far.
        told: Commands to the voice session.
        opened: The sockets that were asked for.
    """

    def __init__(self, plan: VoicePlan = PLAN) -> None:
        self.now = Nanoseconds(NS_PER_SECOND)
        self.plan = plan
        self.rows: list[CallEvent] = []
        self.told: list[VoiceCommand] = []
        self.opened: list[OpenVoice] = []
        self.voice_closes = 0
        self.is_released = False
        self.leg = HostedLeg(HOSTED_ID, self._ask)
        self.call = Call(
            EventLog("h1", self.now, 1000.0),
            self.leg,
            CallSettings(words_ns=WORDS_NS),
            PROMPTS,
            bytearray().extend,
            state=CallState.RECEIVED,
            now_ns=self.now,
        )
        self.pump()

    def _ask(self, asked: HostedActRequested, now_ns: Nanoseconds) -> None:
        self.call.note(asked, now_ns)

    def attach(self) -> None:
        """Have the app join the session."""
        self.command(AttachHosted(plan=self.plan))

    def talk(self) -> None:
        """Bring a call up and have the agent greet the caller."""
        self.attach()
        self.voice(GRANTED)
        self.say("r0")
        self.told.clear()

    def say(self, response_id: str) -> None:
        """Have the model say something, and the caller hear all of it."""
        self.begin(response_id)
        self.finish(response_id)
        self.voice(PlayoutReported(response_id, "stopped"))

    def begin(self, response_id: str) -> None:
        """Have the model begin to speak."""
        self.voice(ResponseStarted(response_id), PlayoutReported(response_id, "started"))

    def finish(self, response_id: str, status: ResponseStatus = ResponseStatus.COMPLETED) -> None:
        """Have the model end a response."""
        self.voice(ResponseFinished(response_id, status))

    def voice(self, *events: VoiceEvent) -> None:
        """Have the newest socket tell something."""
        for event in events:
            self.call.handle_voice_event(event, self.now, self.opened[-1].epoch)
            self.pump()

    def command(self, body: CallCommandBody) -> None:
        self.call.handle_command(body, self.now)
        self.pump()

    def act_done(self, status: int | None, reason: str = "") -> None:
        """Have the app tell what the provider made of the act asked for last."""
        act = self.acts[-1].act
        self.command(HostedActDone(act=act, status=status, reason=reason))

    def run(self, ms: float) -> None:
        """Let time pass, timers firing on the way."""
        end = Nanoseconds(round(self.now + ms * NS_PER_MS))
        fired = 0
        while (deadline := self.call.next_deadline()) is not None and deadline <= end:
            fired += 1
            assert fired < 1000, "a deadline that never moves on"
            self.now = max(self.now, deadline)
            self.call.handle_timer(self.now)
            self.pump()
        self.now = end

    def pump(self) -> None:
        while (output := self.call.poll_output()) is not None:
            assert not self.is_released, "nothing follows the release"
            match output:
                case CallEvent():
                    assert output.seq == len(self.rows)
                    self.rows.append(output)
                case TellVoice(command=command, epoch=epoch):
                    assert epoch == self.opened[-1].epoch
                    self.told.append(command)
                case UseVoice():
                    pass
                case OpenVoice():
                    self.opened.append(output)
                case CloseVoice():
                    self.voice_closes += 1
                case Released():
                    assert self.rows[-1].type == "call.ended"
                    self.is_released = True
                case MediaReady():
                    raise AssertionError("there is no media here")

    @property
    def acts(self) -> list[HostedActRequested]:
        """What was asked of the provider."""
        return [one.payload for one in self.rows if isinstance(one.payload, HostedActRequested)]

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.rows]

    def row(self, kind: str) -> dict[str, Any]:
        """Give the one row of a type."""
        (found,) = [one for one in self.rows if one.type == kind]
        return found.payload.model_dump()

    def troubles(self) -> list[str]:
        return [one.payload.model_dump()["code"] for one in self.rows if one.type == "trouble"]

    def told_of(self, kind: type[VoiceCommand]) -> list[VoiceCommand]:
        return [one for one in self.told if isinstance(one, kind)]
