"""The SIP core against SIPp's built-in caller and callee, over real loopback sockets."""

import sys
import time

import pytest

from tests.support.child import Child
from tests.support.patience import wait_until
from tests.support.sipp import Load, Sipp, missing_reason, run
from tests.support.void import unless_void

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(missing_reason() is not None, reason=str(missing_reason())),
]

STILL_MS = 150.0
"""Of the 500 after which a message is sent again (T1)."""
LOOP = [sys.executable, "-m", "tests.support.sip_udp_loop"]


@unless_void(STILL_MS)
def test_sipps_caller_makes_200_calls_without_one_failed_or_repeated() -> None:
    with Child(LOOP) as loop:
        target = f"127.0.0.1:{loop.ready['port']}"
        figures = run("uac", target, Load(calls=200, rate=100, hold_ms=50))
        counts = loop.ask("counts")
    assert (figures.successful, figures.failed, figures.retransmissions) == (200, 0, 0)
    assert counts["IncomingInvite"] == counts["SessionEnded"] == counts["AckReceived"] == 200
    assert counts["dialogs"] == 0
    assert "MessageRejected" not in counts


def test_sipps_caller_that_loses_a_tenth_of_its_messages_completes_every_call() -> None:
    with Child(LOOP) as loop:
        target = f"127.0.0.1:{loop.ready['port']}"
        load = Load(
            calls=60,
            rate=60,
            lost_percent=10,
            max_invite_retrans=10,
            hold_ms=50,
            timeout_seconds=120,
        )
        figures = run("uac", target, load)
        counts = loop.ask("counts")
    assert (figures.successful, figures.failed) == (60, 0)
    assert figures.retransmissions > 0
    assert counts["IncomingInvite"] == 60


def test_our_caller_makes_100_calls_to_sipps_callee() -> None:
    with Child(LOOP) as loop, Sipp("uas", load=Load(calls=100)) as sipp:
        sipp.wait_until_listening()
        for _ in range(10):
            # More at once overflow a socket's buffer, and SIPp's callee knows no copy of an INVITE.
            loop.ask(f"call {sipp.port} 10")
            time.sleep(0.05)
        wait_until(lambda: loop.ask("counts").get("SessionEnded", 0) >= 100)
        counts = loop.ask("counts")
        figures = sipp.finish()
    assert counts["InviteAnswered"] == counts["SessionEnded"] == 100
    assert (figures.successful, figures.failed) == (100, 0)
