"""SIPp, a load generator of others, calls `telephony serve` (issue: shown by 5)."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import sipp
from tests.support.model_server import ScriptedModel
from tests.support.patience import wait_until
from tests.support.product import Product
from tests.support.sipp import Load, Statistics, run
from tests.support.void import unless_void

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(sipp.missing_reason() is not None, reason=str(sipp.missing_reason())),
]

SCENARIOS = Path(__file__).parents[1] / "fixtures" / "sipp"
TCP = "t1"
STILL_MS = 150.0
"""Of the 500 after which a message is sent again (T1)."""
SETTLE_SECONDS = 80.0
"""Past the last timer of a call whose peer has gone (RFC 3261 13.3.1.4 and timer F)."""


@pytest.fixture(scope="module")
def rig() -> Iterator[tuple[Product, ScriptedModel]]:
    """The product with a scripted model, which costs less than an agent with a mind."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = stack.enter_context(ScriptedModel("plain", folder / "model.jsonl"))
        yield stack.enter_context(Product(folder, model.url)), model


@pytest.fixture
def product(rig: tuple[Product, ScriptedModel]) -> Product:
    return rig[0]


def call(product: Product, scenario: str | Path, load: Load) -> Statistics:
    return run(scenario, product.sip_uri.removeprefix("sip:"), load)


def wait_until_idle(product: Product) -> None:
    """Wait until no call is up."""
    wait_until(lambda: not product.metrics()["telephony_calls_up"], SETTLE_SECONDS)


def assert_all_succeeded(statistics: Statistics, calls: int) -> None:
    figures = (statistics.created, statistics.successful, statistics.failed)
    assert figures == (calls, calls, 0), statistics
    assert statistics.exit_code == 0


@pytest.mark.parametrize("calls", [100, pytest.param(500, marks=pytest.mark.long)])
@unless_void(STILL_MS)
def test_built_in_caller_at_50_calls_a_second_fails_and_repeats_nothing(
    product: Product, calls: int
) -> None:
    statistics = call(product, "uac", Load(calls=calls, rate=50, timeout_seconds=120))
    assert_all_succeeded(statistics, calls)
    assert statistics.retransmissions == 0
    wait_until_idle(product)


def test_calls_over_tcp(product: Product) -> None:
    statistics = call(product, "uac", Load(calls=50, rate=50, hold_ms=200, transport=TCP))
    assert_all_succeeded(statistics, 50)
    wait_until_idle(product)


def test_callers_who_give_up_while_it_rings_are_told_487(
    rig: tuple[Product, ScriptedModel],
) -> None:
    product, model = rig
    model.command("script slow-grant")
    ended = product.metrics().get('telephony_calls_ended_total{by="remote"}', 0)
    statistics = call(product, SCENARIOS / "cancel.xml", Load(calls=20, rate=20))
    model.command("script plain")
    assert_all_succeeded(statistics, 20)
    assert product.metrics()['telephony_calls_ended_total{by="remote"}'] == ended + 20
    wait_until_idle(product)
    wait_until(lambda: not model.command("sessions")["sessions"])


def test_calls_are_held_and_resumed_by_a_new_offer(product: Product) -> None:
    statistics = call(product, SCENARIOS / "reinvite.xml", Load(calls=20, rate=20))
    assert_all_succeeded(statistics, 20)
    rows = product.rows(product.call_ids()[-1])
    turns = [row["type"] for row in rows if row["type"] in {"call.held", "call.resumed"}]
    assert turns == ["call.held", "call.resumed"]
    wait_until_idle(product)


@pytest.mark.parametrize("calls", [60, pytest.param(500, marks=pytest.mark.long)])
def test_every_call_completes_where_a_tenth_of_the_messages_is_lost(
    product: Product, calls: int
) -> None:
    load = Load(calls=calls, rate=50, lost_percent=10, max_invite_retrans=10, timeout_seconds=240)
    statistics = call(product, "uac", load)
    assert_all_succeeded(statistics, calls)
    assert statistics.retransmissions > 0
    # Where SIPp loses its ACK and its BYE, it takes the repeated 200 of the INVITE for the answer
    # to the BYE. Such a call is left to our timers: 32 s without an ACK, 32 s without an answer.
    if calls == 500:
        wait_until_idle(product)
