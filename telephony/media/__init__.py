"""The audio of one call: uplink, playout, ledger, interruption.

What `call` needs of RTP, which it may not import itself, is handed on here.
"""

from telephony.media.agent_audio import AgentAudio, Interrupted
from telephony.media.convert import (
    Converter,
    audio_format_of,
    converter,
    leg_format,
    voice_format_of,
)
from telephony.media.events import DigitArrived, MediaEvent, MediaStarted, UplinkBlocked, WordsSent
from telephony.media.interruption import Interruption, TruncateAt, interrupt
from telephony.media.ledger import ItemKey, Ledger, LedgerRow, Position, RowKind
from telephony.media.playout import ItemAudio, Playout
from telephony.media.playout_state import PlayoutState
from telephony.media.rtp_port import RtpPort
from telephony.media.rtp_settings import RtpPortSettings
from telephony.media.uplink import Uplink, UplinkSettings
from telephony.media.uplink_log import UplinkLog, UplinkRow
from telephony.media.uplink_ring import UplinkRing
from telephony.rtp import InfoDigitError, SourcePolicy, parse_info_digit

__all__ = [
    "AgentAudio",
    "Converter",
    "DigitArrived",
    "InfoDigitError",
    "Interrupted",
    "Interruption",
    "ItemAudio",
    "ItemKey",
    "Ledger",
    "LedgerRow",
    "MediaEvent",
    "MediaStarted",
    "Playout",
    "PlayoutState",
    "Position",
    "RowKind",
    "RtpPort",
    "RtpPortSettings",
    "SourcePolicy",
    "TruncateAt",
    "Uplink",
    "UplinkBlocked",
    "UplinkLog",
    "UplinkRing",
    "UplinkRow",
    "UplinkSettings",
    "WordsSent",
    "audio_format_of",
    "converter",
    "interrupt",
    "leg_format",
    "parse_info_digit",
    "voice_format_of",
]
