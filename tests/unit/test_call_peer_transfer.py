"""A far end that wants us to call someone else: what a leg tells, and how reports answer it."""

from typing import cast

import pytest

from telephony.call import MediaPolicy, SipLeg
from telephony.call.leg import LegTransferRequested
from telephony.errors import LocalError
from telephony.sdp import LocalMedia
from telephony.sip import (
    InviteSession,
    PeerReferState,
    PeerTransfer,
    ReferReceived,
    TelUri,
    Uri,
    parse_uri,
)
from telephony.units import Nanoseconds
from tests.support.media import port

NOW = Nanoseconds(0)
TARGET = "sip:operator@192.0.2.40:5070"


class Transfer:
    """Stands for the SIP side; notes what is asked of it."""

    def __init__(self) -> None:
        self.state = PeerReferState.ASKED
        self.asked: list[str] = []

    def accept(self, now_ns: Nanoseconds) -> None:
        assert now_ns == NOW
        self.state = PeerReferState.REPORTING
        self.asked.append("accept")

    def refuse(self, now_ns: Nanoseconds, status: int = 603) -> None:
        assert now_ns == NOW
        self.state = PeerReferState.FINISHED
        self.asked.append(f"refuse {status}")

    def report(self, status: int, now_ns: Nanoseconds) -> None:
        assert now_ns == NOW
        self.asked.append(f"report {status}")


def leg(*, accepts_refer: bool) -> SipLeg:
    return SipLeg(
        None,
        LocalMedia("192.0.2.1", 4000, 1),
        port,
        MediaPolicy(),
        None,
        accepts_refer=accepts_refer,
    )


def refer(to: SipLeg, target: Uri) -> tuple[Transfer, list[object]]:
    transfer = Transfer()
    session = cast("InviteSession", None)
    event = ReferReceived(session, target, None, cast("PeerTransfer", transfer))
    return transfer, list(to.handle_sip_event(event, NOW))


@pytest.mark.parametrize("target", [parse_uri(TARGET), TelUri("+15550100")])
def test_a_leg_that_may_be_sent_elsewhere_tells_where(target: Uri) -> None:
    transfer, told = refer(leg(accepts_refer=True), target)
    assert told == [LegTransferRequested(str(target))]
    assert transfer.asked == []


@pytest.mark.parametrize(
    ("accepts_refer", "target"),
    [(False, TARGET), (True, TARGET + "?Replaces=a%40b"), (True, "mailto:x@192.0.2.40")],
)
def test_any_other_is_refused(*, accepts_refer: bool, target: str) -> None:
    transfer, told = refer(leg(accepts_refer=accepts_refer), parse_uri(target))
    assert told == []
    assert transfer.asked == ["refuse 603"]


@pytest.mark.parametrize(
    ("reports", "asked"),
    [
        ((100, 180, 200), ["accept", "report 180", "report 200"]),
        ((180,), ["accept", "report 180"]),
        ((200,), ["accept", "report 200"]),
        ((100, 486), ["accept", "report 486"]),
        ((486,), ["refuse 486"]),
    ],
)
def test_the_first_report_decides(reports: tuple[int, ...], asked: list[str]) -> None:
    to = leg(accepts_refer=True)
    transfer, _ = refer(to, parse_uri(TARGET))
    for status in reports:
        to.report_transfer(status, NOW)
    assert transfer.asked == asked


def test_a_report_that_nobody_asked_for_is_our_fault() -> None:
    with pytest.raises(LocalError, match="asked for no transfer"):
        leg(accepts_refer=True).report_transfer(200, NOW)
