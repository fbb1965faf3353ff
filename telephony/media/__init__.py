"""The audio of one call: uplink, playout, ledger, interruption."""

from telephony.media.agent_audio import AgentAudio, Interrupted
from telephony.media.convert import (
    Converter,
    audio_format_of,
    converter,
    leg_format,
    voice_format_of,
)
from telephony.media.interruption import Interruption, TruncateAt, interrupt
from telephony.media.ledger import ItemKey, Ledger, LedgerRow, Position, RowKind
from telephony.media.playout import ItemAudio, Playout, PlayoutState
from telephony.media.rtp_port import (
    DigitArrived,
    MediaEvent,
    MediaStarted,
    RtpPort,
    RtpPortSettings,
    WordsSent,
)
from telephony.media.uplink import Uplink, UplinkSettings
from telephony.media.uplink_log import UplinkLog, UplinkRow
from telephony.rtp import InfoDigitError, RtcpReporter, RtpSender, SourcePolicy, parse_info_digit

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
    "RtcpReporter",
    "RtpPort",
    "RtpPortSettings",
    "RtpSender",
    "SourcePolicy",
    "TruncateAt",
    "Uplink",
    "UplinkLog",
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
