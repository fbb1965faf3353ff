"""One call: a leg, at most one voice session, and what joins them.

Sans-I/O: the driver hands in what the leg, the session, the media and the app say, and after each
change drains `poll_output()` and re-arms one timer by `next_deadline()`. The states are those of
`state.py`; this class carries out their actions and keeps what they need.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from telephony.call.commands import (
    AnswerCall,
    CallCommandBody,
    ConfigureAgent,
    GiveToolResult,
    HangUp,
    PlaceCall,
    PlayAudio,
    RedirectCall,
    RejectCall,
    RingCall,
    SendDigits,
    StartTransfer,
    VoicePlan,
)
from telephony.call.events import (
    AgentConfigured,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallEventBody,
    CallHeld,
    CallProgressed,
    CallResumed,
    DigitPressed,
    KeysCollected,
    PlayoutFinished,
    TransferEnded,
    TransferProgressed,
    TransferStarted,
    TroubleNoted,
)
from telephony.call.conversation import Conversation
from telephony.call.keys import KeyCollector
from telephony.call.leg import (
    FarEnded,
    Leg,
    LegConfirmed,
    LegEvent,
    LegHeld,
    LegKeyPressed,
    LegMediaAgreed,
    LegProgressed,
    LegResumed,
    LegTransferEnded,
    LegTransferProgressed,
)
from telephony.call.log import EventLog
from telephony.call.outputs import CallOutput, CloseVoice, MediaReady, Released
from telephony.call.state import Action, CallInput, CallState, advance
from telephony.errors import LocalError
from telephony.media import DigitArrived, MediaEvent, MediaStarted, WordsSent
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds
from telephony.voice import VoiceEvent

__all__ = ["Call", "CallSettings"]
