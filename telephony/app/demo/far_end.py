"""The far end of the demo: a process with two telephones, a caller's and an operator's.

`python -m telephony.app.demo.far_end`. The first line on standard input names a file. It says on
standard output, in one line of JSON, where its operator is reached; the second line on standard
input names whom the caller shall call. Each move is one line more. At the end all that was observed
stands in the file.
"""

import asyncio
import gc
import json
import secrets
import sys
from contextlib import AsyncExitStack
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Literal

from telephony.app.demo.ear import Ear
from telephony.app.demo.observed import (
    HeardCall,
    HeardChunk,
    Observations,
    ObservedMove,
    ObservedRow,
    PcmTrack,
)
from telephony.app.demo.script import Recordings, Stage, act_caller, act_operator
from telephony.app.recording import Track
from telephony.app.softphone import Softphone
from telephony.call import CallEvent
from telephony.engine.clock import monotonic_ns, wall_seconds
from telephony.engine.log import configure_log
from telephony.engine.settings import EngineSettings, SipListen
from telephony.errors import TelephonyError
from telephony.local.voices import Voice, load_recordings
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["main"]

HOST = "127.0.0.1"
SWITCH_INTERVAL_S = 0.0005
PAUSE = b"\xff" * 2000
"""Between the operator's sentences: 250 ms of mu-law silence."""

Who = Literal["caller", "operator"]


class FarEnd:
    """Both telephones, and the notes that are kept of them."""

    def __init__(self) -> None:
        """Take the offset between the two clocks once: one clock for all notes."""
        self._offset_s = wall_seconds() - monotonic_ns() / NS_PER_SECOND
        self._moves: list[ObservedMove] = []
        self._rows: list[ObservedRow] = []
        self._who: dict[str, Who] = {}
        self.ears: dict[str, Ear] = {}

    def wall(self, at_ns: Nanoseconds) -> float:
        """Give an instant of the monotonic clock in Unix seconds."""
        return self._offset_s + at_ns / NS_PER_SECOND

    def telephone(self, who: Who) -> Softphone:
        """Make one telephone, every call of which is listened to."""
        settings = EngineSettings(
            engine_id=who[0] + secrets.token_hex(3),
            sip=(SipListen(transport="UDP", host=HOST, port=0),),
            user_agent=f"telephony demo ({who})",
            accepts_refer=who == "caller",
        )
        phone = Softphone(settings, partial(self._make_ear, who))
        phone.watch(partial(self._handle_row, who))
        return phone

    def _make_ear(self, who: Who, call_id: str) -> Ear:
        self._who[call_id] = who
        ear = self.ears[call_id] = Ear()
        return ear

    def _handle_row(self, who: Who, row: CallEvent) -> None:
        self._rows.append(ObservedRow(who=who, row=row))

    def note(self, move: str, at_ns: Nanoseconds) -> None:
        """Keep a move, and tell it at once."""
        observed = ObservedMove(move=move, wall=self.wall(at_ns))
        self._moves.append(observed)
        say(observed.model_dump())

    def observations(self, failure: str | None) -> Observations:
        """Give all notes."""
        return Observations(
            failure=failure,
            moves=tuple(sorted(self._moves, key=lambda one: one.wall)),
            rows=tuple(self._rows),
            calls=tuple(self._heard(call_id, ear) for call_id, ear in self.ears.items()),
        )

    def _heard(self, call_id: str, ear: Ear) -> HeardCall:
        return HeardCall(
            who=self._who[call_id],
            call_id=call_id,
            heard=bytes(ear.octets),
            chunks=tuple(
                HeardChunk(offset=one.offset, octets=one.octets, wall=self.wall(one.arrived_ns))
                for one in ear.chunks
            ),
            sent=self._track(ear.recorder.sent_track),
            received=self._track(ear.recorder.received_track),
        )

    def _track(self, track: Track) -> PcmTrack | None:
        if track.started_ns is None:
            return None
        return PcmTrack(started=self.wall(track.started_ns), pcm16=bytes(track.pcm16))


def say(what: dict[str, object]) -> None:
    """Write one line for the process that started us."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def read_recordings() -> Recordings:
    """Load what the people say."""
    spoken = {
        one.name: one.octets for one in load_recordings(files("telephony.app") / "demo_audio")
    }
    voice = Voice.load()
    return Recordings(
        interruption=spoken["interruption"],
        question=spoken["question"],
        operator=voice.prompt("hello") + PAUSE + voice.prompt("how_can_i_help"),
    )


async def _play(far_end: FarEnd, commands: asyncio.StreamReader) -> str | None:
    """Play the scene; give what went wrong, None for nothing."""
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(far_end.telephone("caller"))
        operator = await stack.enter_async_context(far_end.telephone("operator"))
        stage = Stage(caller, operator, far_end.ears, read_recordings(), far_end.note)
        gc.collect()
        gc.freeze()
        gc.disable()
        say({"operator": operator.uri("operator")})
        order = await commands.readline()
        if not order:
            return "nobody said whom to call"
        operator_acts = asyncio.ensure_future(act_operator(stage))
        try:
            await act_caller(stage, json.loads(order)["call"])
            await operator_acts
        except TelephonyError as failed:
            return str(failed)
        finally:
            operator_acts.cancel()
    return None


async def _run() -> tuple[Path, Observations]:
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    path = Path((await commands.readline()).decode().strip())
    far_end = FarEnd()
    return path, far_end.observations(await _play(far_end, commands))


def main() -> None:
    """Play the scene once."""
    configure_log()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    path, observations = asyncio.run(_run())
    path.write_text(observations.model_dump_json())
    say({"done": observations.failure is None})


if __name__ == "__main__":
    main()
