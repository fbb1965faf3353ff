"""The pipe that commands come by: whole lines only, no waiting, an end that is seen."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from telephony.app.bench.command_pipe import CommandPipe, answer_commands, say
from telephony.app.bench.messages import CloseCalls, Closed, Command, Echo


@pytest.fixture
def ends() -> Iterator[tuple[int, list[int]]]:
    reading, writing = os.pipe()
    open_ends = [writing]
    yield reading, open_ends
    os.close(reading)
    for descriptor in open_ends:
        os.close(descriptor)


def test_commands_come_whole_however_they_are_cut(ends: tuple[int, list[int]]) -> None:
    reading, [writing] = ends
    pipe = CommandPipe(reading)
    assert pipe.poll() == []
    os.write(writing, b'\n{"do":"clo')
    assert pipe.poll() == []
    os.write(writing, b'se"}\n{"do":"echo","seconds":2}\n')
    assert pipe.poll() == [CloseCalls(), Echo(seconds=2)]
    assert not pipe.is_closed


def test_the_end_of_the_parent_is_seen(ends: tuple[int, list[int]]) -> None:
    reading, open_ends = ends
    pipe = CommandPipe(reading)
    os.close(open_ends.pop())
    assert pipe.poll() == []
    assert pipe.is_closed


def test_what_is_no_command_is_refused(ends: tuple[int, list[int]]) -> None:
    reading, [writing] = ends
    os.write(writing, b'{"do":"dance"}\n')
    with pytest.raises(ValidationError):
        CommandPipe(reading).poll()


def test_an_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(Closed(left=2))
    assert capsys.readouterr().out == '{"left":2}\n'


def test_commands_are_answered_one_after_the_other_until_the_parent_is_gone(
    ends: tuple[int, list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    reading, open_ends = ends
    os.write(open_ends[0], b'{"do":"echo","seconds":2}\n{"do":"close"}\n')
    os.close(open_ends.pop())

    async def carry_out(command: Command) -> Closed:
        await asyncio.sleep(0.01 if isinstance(command, Echo) else 0.0)
        return Closed(left=len(command.do))

    asyncio.run(asyncio.wait_for(answer_commands(carry_out, reading), 5))
    assert capsys.readouterr().out == '{"left":4}\n{"left":5}\n'
