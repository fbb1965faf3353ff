"""What our side may put forward, and the error when both sides do not meet."""

import pytest

from telephony.errors import LocalError
from telephony.sdp import PCMU, TELEPHONE_EVENT, Codec, LocalMedia, SdpNegotiationError


@pytest.mark.parametrize(
    "arguments",
    [
        {"address": "example.com"},
        {"port": 0},
        {"port": 65535},
        {"session_id": -1},
        {"session_id": 2**62},
        {"ptime_ms": 25},
        {"codecs": (TELEPHONE_EVENT,)},
        {"codecs": (PCMU, Codec(0, "PCMA", 8000))},
    ],
)
def test_local_media_outside_its_bounds_is_our_fault(arguments: dict[str, object]) -> None:
    good: dict[str, object] = {"address": "192.0.2.1", "port": 4000, "session_id": 1}
    with pytest.raises(LocalError):
        LocalMedia(**{**good, **arguments})  # type: ignore[arg-type]  # a wrong value on purpose


def test_either_family_and_the_bounds_themselves_are_taken() -> None:
    assert LocalMedia("192.0.2.1", 1, 0).codecs[0] == PCMU
    assert LocalMedia("2001:db8::1", 65534, 2**62 - 1, ptime_ms=60).ptime_ms == 60


def test_negotiation_error_carries_its_answer() -> None:
    error = SdpNegotiationError("none", warning=304)
    assert (str(error), error.sip_status, error.warning) == ("none", 488, 304)
