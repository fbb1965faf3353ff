"""The uplink's gate: shut for any reason, open only when none is left."""

from telephony.call.gate import GateReason, UplinkGate
from telephony.media import Uplink
from telephony.units import Nanoseconds
from telephony_codecs import AudioFormat

NOW = Nanoseconds(0)


def test_the_gate_opens_with_the_last_reason_gone() -> None:
    gate, uplink = UplinkGate(), Uplink(AudioFormat.PCMU)
    gate.join(uplink)
    assert not uplink.is_gated
    gate.shut(GateReason.HELD)
    gate.shut(GateReason.LEAVING)
    gate.lift(GateReason.HELD, NOW)
    assert uplink.is_gated
    gate.lift(GateReason.LEAVING, NOW)
    assert not uplink.is_gated


def test_a_reason_that_was_never_there_opens_nothing() -> None:
    gate, uplink = UplinkGate(), Uplink(AudioFormat.PCMU)
    gate.join(uplink)
    gate.shut(GateReason.LEAVING)
    gate.lift(GateReason.HELD, NOW)
    assert uplink.is_gated


def test_reasons_from_before_there_was_audio_count() -> None:
    gate, uplink = UplinkGate(), Uplink(AudioFormat.PCMU)
    gate.shut(GateReason.HELD)
    gate.join(uplink)
    assert uplink.is_gated
    lifted, later = UplinkGate(), Uplink(AudioFormat.PCMU)
    lifted.shut(GateReason.HELD)
    lifted.lift(GateReason.HELD, NOW)
    lifted.join(later)
    assert not later.is_gated
