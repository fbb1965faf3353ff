"""From URIs to hops: numeric hosts, names, and how long they are remembered."""

import pytest

from telephony.sip import Resolve, SipUri, TelUri, Uri
from telephony.sip.events import SipOutput
from telephony.sip.locate import MAX_REMEMBERED, MAX_WAITING, Locator
from telephony.sip.timers import DeadlineHeap
from telephony.sip.transmit import Hop
from telephony.units import NS_PER_SECOND, Nanoseconds

NOW = Nanoseconds(0)


class Asker:
    """A locator, what it asked and what came of it."""

    def __init__(self, *transports: str) -> None:
        self.asked: list[SipOutput] = []
        self.found: list[Hop | None] = []
        self.heap = DeadlineHeap()
        self.locator = Locator(self.asked.append, transports or ("UDP", "TCP"), self.heap)

    def locate(self, uri: Uri, now: Nanoseconds = NOW) -> None:
        self.locator.locate(uri, lambda hop, _: self.found.append(hop), now)


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        (SipUri("sip", "x", None, "192.0.2.9"), Hop("UDP", ("192.0.2.9", 5060), may_use_tcp=True)),
        (
            SipUri("sip", "x", None, "2001:db8::9", 5062),
            Hop("UDP", ("2001:db8::9", 5062), may_use_tcp=True),
        ),
        (
            SipUri("sip", "x", None, "192.0.2.9", None, (("transport", "TCP"),)),
            Hop("TCP", ("192.0.2.9", 5060)),
        ),
        (
            SipUri("sip", "x", None, "pbx.example", None, (("maddr", "192.0.2.8"),)),
            Hop("UDP", ("192.0.2.8", 5060), may_use_tcp=True),
        ),
        (SipUri("sips", "x", None, "192.0.2.9"), None),
        (SipUri("sip", "x", None, "192.0.2.9", None, (("transport", "sctp"),)), None),
        (TelUri("+15551234567"), None),
    ],
)
def test_a_numeric_host_is_found_at_once(uri: Uri, hop: Hop | None) -> None:
    asker = Asker()
    asker.locate(uri)
    assert asker.found == [hop]
    assert asker.asked == []


def test_a_sips_uri_goes_by_tls_to_5061() -> None:
    asker = Asker("TLS")
    asker.locate(SipUri("sips", "x", None, "192.0.2.9"))
    assert asker.found == [Hop("TLS", ("192.0.2.9", 5061))]


def test_a_name_is_asked_for_once_and_remembered_for_a_minute() -> None:
    asker = Asker()
    uri = SipUri("sip", "x", None, "pbx.example.com")
    question = Resolve("pbx.example.com", 5060, "UDP")
    asker.locate(uri)
    asker.locate(uri)
    assert asker.asked == [question]
    assert asker.locator.waiting_count == 2
    asker.locator.resolved(question, ("192.0.2.7", 5060), NOW)
    hop = Hop("UDP", ("192.0.2.7", 5060), may_use_tcp=True)
    assert asker.found == [hop, hop]
    assert asker.locator.waiting_count == 0
    asker.locate(uri, Nanoseconds(59 * NS_PER_SECOND))
    assert asker.found == [hop] * 3
    asker.locate(uri, Nanoseconds(61 * NS_PER_SECOND))
    assert asker.asked == [question] * 2


def test_a_name_without_address_is_not_remembered() -> None:
    asker = Asker()
    uri = SipUri("sip", "x", None, "nowhere.example.com")
    asker.locate(uri)
    question = Resolve("nowhere.example.com", 5060, "UDP")
    asker.locator.resolved(question, None, NOW)
    assert asker.found == [None]
    asker.locate(uri)
    assert asker.asked == [question] * 2


def test_a_name_the_driver_never_answers_for_counts_as_unknown_after_20_s() -> None:
    asker = Asker()
    asker.locate(SipUri("sip", "x", None, "slow.example.com"))
    asker.heap.run_due(Nanoseconds(20 * NS_PER_SECOND - 1))
    assert asker.found == []
    asker.heap.run_due(Nanoseconds(20 * NS_PER_SECOND))
    assert asker.found == [None]
    asker.locator.resolved(Resolve("slow.example.com", 5060, "UDP"), ("192.0.2.7", 5060), NOW)
    assert asker.found == [None]
    assert len(asker.heap) == 0


def test_names_remembered_and_requests_waiting_are_bounded() -> None:
    asker = Asker()
    for number in range(MAX_REMEMBERED + 1):
        question = Resolve(f"{number}.example.com", 5060, "UDP")
        asker.locator.resolved(question, ("192.0.2.7", 5060), NOW)
    asker.locate(SipUri("sip", "x", None, "0.example.com"))
    assert len(asker.asked) == 1
    asker.locate(SipUri("sip", "x", None, "1.example.com"))
    assert len(asker.asked) == 1
    for number in range(MAX_WAITING):
        asker.locate(SipUri("sip", "x", None, f"more-{number}.example.com"))
    assert asker.locator.waiting_count == MAX_WAITING
    assert asker.found[-1] is None
