"""The engine process: `python -m telephony.engine SOCKET`, started by `telephony serve`.

Settings come as one line of JSON on standard input; one line of JSON on standard output says where
SIP is listened for, or why it is not. Then it serves the app behind the Unix socket, and ends with
it.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from telephony.engine.descriptors import allow_descriptors
from telephony.engine.engine import Engine
from telephony.engine.link import SocketLink
from telephony.engine.log import configure_log, log
from telephony.engine.prompts import load_prompts
from telephony.engine.settings import EngineSettings
from telephony.errors import TelephonyError

__all__ = ["main"]

SWITCH_INTERVAL_S = 0.0005
"""For threads of libraries: none may keep the interpreter from the media clock for 5 ms."""


def main() -> None:
    """Run the engine until the app is gone or asks for the end."""
    configure_log()
    try:
        settings = EngineSettings.model_validate_json(sys.stdin.readline())
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        allow_descriptors()
        _be_punctual(settings.realtime_priority)
        asyncio.run(_run(settings, Path(sys.argv[1])))
    except (TelephonyError, ValidationError) as failed:
        _say({"error": str(failed)})
        raise SystemExit(1) from failed


def _be_punctual(priority: int) -> None:
    """Ask the scheduler to run us before others, where it is set and allowed."""
    if priority and hasattr(os, "sched_setscheduler"):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError as refused:
            log.warning("realtime priority refused", why=refused.strerror)


async def _run(settings: EngineSettings, socket_path: Path) -> None:
    link = await SocketLink.dial(socket_path)
    engine = Engine(settings, link, load_prompts())
    addresses = await engine.start()
    gc.collect()
    gc.freeze()
    gc.disable()
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopping.set)
    _say({"sip": [list(address) for address in addresses]})
    serving = asyncio.ensure_future(engine.serve())
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (serving, stopped):
        task.cancel()
    await engine.stop()
    await link.close()


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
