"""How a script waits for a call's rows: in order, each once, and not beyond the end."""

import asyncio

import pytest

from telephony.app.softphone import CallOverError, PhoneCall
from telephony.call import CallCommand, CallEnded, CallEvent, DigitPressed, HangUp, PlayoutFinished
from telephony.call.events import CallEventBody


def row(payload: CallEventBody) -> CallEvent:
    return CallEvent(call_id="c", seq=0, t_ns=0, wall=0.0, payload=payload)


def digit(key: str) -> CallEvent:
    return row(DigitPressed(digit=key, method="rtp"))


def test_rows_are_given_in_order_and_once() -> None:
    async def scenario() -> list[str]:
        call = PhoneCall("c", lambda _command: None)
        call.handle_event(digit("1"))
        call.handle_event(row(PlayoutFinished()))
        call.handle_event(digit("2"))
        return [(await call.next(DigitPressed)).digit, (await call.next(DigitPressed)).digit]

    assert asyncio.run(scenario()) == ["1", "2"]


def test_a_row_that_comes_later_ends_the_wait() -> None:
    async def scenario() -> str:
        call = PhoneCall("c", lambda _command: None)
        waiting = asyncio.ensure_future(call.next(DigitPressed))
        await asyncio.sleep(0)
        call.handle_event(row(PlayoutFinished()))
        await asyncio.sleep(0)
        assert not waiting.done()
        call.handle_event(digit("7"))
        return (await waiting).digit

    assert asyncio.run(scenario()) == "7"


def test_a_call_that_ended_gives_what_it_had_and_no_more() -> None:
    async def scenario() -> None:
        call = PhoneCall("c", lambda _command: None)
        waiting = asyncio.ensure_future(call.next(DigitPressed))
        await asyncio.sleep(0)
        call.handle_event(row(CallEnded(by="remote", cause="Busy Here", status=486)))
        with pytest.raises(CallOverError, match="no DigitPressed: the call ended, Busy Here"):
            await waiting
        assert (await call.next(CallEnded)).status == 486
        assert call.ended is not None

    asyncio.run(scenario())


def test_a_command_names_its_call() -> None:
    sent: list[CallCommand] = []
    PhoneCall("c", sent.append).command(HangUp())
    assert [(one.call_id, one.body) for one in sent] == [("c", HangUp())]
