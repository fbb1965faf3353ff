"""Offer and answer: every pair of the table, and what is agreed when."""

import itertools

import pytest

from telephony.errors import LocalError, RemoteError
from telephony.sip.known import known
from telephony.sip.offer_answer import OFFER_ANSWER, OfferAnswer, OfferInput, OfferState


def exchange_in(state: OfferState) -> OfferAnswer:
    exchange = OfferAnswer()
    if state is OfferState.LOCAL_OFFER:
        exchange.send_offer(b"ours")
    elif state is OfferState.REMOTE_OFFER:
        exchange.receive_offer(b"theirs")
    return exchange


def agreed(exchange: OfferAnswer) -> tuple[bytes | None, bytes | None]:
    return exchange.local, exchange.remote


def apply(exchange: OfferAnswer, what: OfferInput) -> None:
    match what:
        case OfferInput.SEND_OFFER:
            exchange.send_offer(b"new")
        case OfferInput.RECEIVE_OFFER:
            exchange.receive_offer(b"new")
        case OfferInput.SEND_ANSWER:
            exchange.send_answer(b"new")
        case OfferInput.RECEIVE_ANSWER:
            exchange.receive_answer(b"new")
        case OfferInput.ROLL_BACK:
            exchange.roll_back()


@pytest.mark.parametrize(("state", "what"), list(itertools.product(OfferState, OfferInput)))
def test_every_pair_is_a_row_or_the_fault_of_who_sent_it(
    state: OfferState, what: OfferInput
) -> None:
    exchange = exchange_in(state)
    following = OFFER_ANSWER.get((state, what))
    if following is not None:
        apply(exchange, what)
        assert exchange.state is following
        return
    if what in (OfferInput.RECEIVE_OFFER, OfferInput.RECEIVE_ANSWER):
        with pytest.raises(RemoteError) as caught:
            apply(exchange, what)
        assert caught.value.sip_status == 491
    else:
        with pytest.raises(LocalError, match=state.name):
            apply(exchange, what)
    assert exchange.state is state
    assert agreed(exchange) == (None, None)


def test_both_descriptions_are_agreed_by_the_answer_and_kept_by_a_roll_back() -> None:
    exchange = OfferAnswer()
    exchange.send_offer(b"ours")
    assert agreed(exchange) == (None, None)
    exchange.receive_answer(b"theirs")
    assert agreed(exchange) == (b"ours", b"theirs")
    exchange.receive_offer(b"theirs 2")
    exchange.roll_back()
    assert agreed(exchange) == (b"ours", b"theirs")
    exchange.receive_offer(b"theirs 3")
    exchange.send_answer(b"ours 3")
    assert agreed(exchange) == (b"ours 3", b"theirs 3")


def test_what_a_state_needs_is_there_or_our_own_fault() -> None:
    assert known(0) == 0
    with pytest.raises(LocalError, match="not there"):
        known(None)
