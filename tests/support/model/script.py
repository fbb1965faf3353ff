"""What the scripted model does with a call: data, one entry a name."""

from dataclasses import dataclass, field, replace
from enum import Enum


class Fault(Enum):
    """How a model misbehaves; each begins `Script.fault_at_ms` into the audio of an item."""

    NONE = "none"
    REFUSES_KEY = "answers the handshake with HTTP 401"
    CLOSES = "closes the connection"
    STOPS_READING = "reads nothing for ten seconds"
    BROKEN_JSON = "sends half a JSON object"
    UNKNOWN_EVENTS = "sends events of types that do not exist, and one without a type"
    BAD_BASE64 = "sends audio that is no base64"
    FAILS = "ends every response as failed, before any audio"
    AUDIO_AFTER_CUT = "goes on with the audio of an item that speech has cut"
    ITEM_AFTER_CUT = "begins another item in a response that speech has cut"


@dataclass(frozen=True, slots=True)
class Speech:
    """One audio item of a response.

    Attributes:
        audio_ms: How long it is.
        speed: How many times faster than real time it is sent; 0 sends all at once.
        first_audio_ms: How long after its announcement the first audio comes.
        stall_at_ms: Where in the audio the sender stalls; None for nowhere.
        stall_ms: How long it stalls there.
        chunk_ms: Audio in one event.
    """

    audio_ms: int = 8000
    speed: float = 4.0
    first_audio_ms: int = 0
    stall_at_ms: int | None = None
    stall_ms: int = 0
    chunk_ms: int = 100


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call of a response."""

    name: str
    arguments: dict[str, str] = field(default_factory=dict[str, str])


Response = tuple[Speech | ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """How the model behaves in one session.

    Attributes:
        responses: What it answers to each `response.create` in turn; to any further one, nothing.
        speech_ms: From when to when it reports speech by seed and on its own, in ms after the first
            audio is due (below 0: before); None leaves that to the control port.
        speech_lasts_ms: How long the speech lasts that it reports.
        echoes: Sends back the audio it gets, instead of the responses.
        fault: How it misbehaves.
        fault_at_ms: Where in the audio of the first item.
        grant_ms: How long it takes to grant a session.
        transcript: What it takes the caller to have said, each time; none tells nothing.
        lives_s: When it ends a session, which it says at once; None never does.
    """

    responses: tuple[Response, ...] = ((Speech(),),)
    speech_ms: tuple[float, float] | None = None
    speech_lasts_ms: int = 200
    echoes: bool = False
    fault: Fault = Fault.NONE
    fault_at_ms: int = 1000
    grant_ms: int = 0
    transcript: str = ""
    lives_s: float | None = None


PLAIN = Script()
SCRIPTS: dict[str, Script] = {
    "plain": PLAIN,
    "stall": Script(responses=((Speech(stall_at_ms=1500, stall_ms=2000),),)),
    "two-items": Script(
        responses=((Speech(audio_ms=1500, speed=0), Speech(audio_ms=1500, speed=0)),)
    ),
    "late": Script(responses=((Speech(audio_ms=3000, first_audio_ms=600),),)),
    "short": Script(responses=((Speech(audio_ms=600, speed=0),),)),
    "long": Script(responses=((Speech(audio_ms=60_000, speed=0),),)),
    "digits": Script(responses=((Speech(audio_ms=8000, speed=0),),)),
    "silent": Script(responses=()),
    "slow-grant": Script(grant_ms=1500),
    "talkative": Script(responses=((Speech(audio_ms=700, speed=0),),) * 20),
    "echo": Script(responses=(), echoes=True),
    "attentive": Script(
        responses=((Speech(audio_ms=1000, speed=0),),) * 3, transcript="Where is my order?"
    ),
    "in-mid-sentence": Script(responses=((Speech(audio_ms=6000, speed=2.0),),)),
    "short-lived": Script(responses=((Speech(audio_ms=1000, speed=0),),) * 3, lives_s=12),
    "early-speech": Script(
        responses=((Speech(audio_ms=3000, speed=0, first_audio_ms=400),),), speech_ms=(-100, 40)
    ),
    "seeded-speech": Script(responses=((Speech(speed=1.0),),), speech_ms=(0, 3000)),
    **{
        fault.name.lower().replace("_", "-"): replace(PLAIN, fault=fault)
        for fault in Fault
        if fault is not Fault.NONE
    },
}
