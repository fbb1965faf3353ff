"""The provider of `telephony demo --hosted`: a process of its own.

`python -m telephony.app.demo.hosted_provider`. The first line on standard input has the secrets. It
says on standard output, in one line of JSON, where its calls API and its sessions are; the second
line on standard input says where webhooks go. Each note of the provider's is one line more, and
after the last of them comes what was waited for in vain, if anything was.
"""

import asyncio
import gc
import json
import sys
from dataclasses import asdict
from typing import Any

from telephony.app.demo.hosted_script import act
from telephony.app.demo.provider import StandInProvider
from telephony.engine.log import configure_log
from telephony.errors import TelephonyError

__all__ = ["main"]


def _say(what: object) -> None:
    """Say one line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def _lines(reader: asyncio.StreamReader) -> None:
    """Wait until standard input closes: whoever started us has ended."""
    while await reader.readline():
        pass


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    secrets: dict[str, str] = json.loads(await reader.readline())
    provider = StandInProvider(secrets["key"], lambda note: _say(asdict(note)))
    await provider.start()
    _say({"realtime": provider.realtime_url, "calls": provider.calls_url})
    told: dict[str, Any] = json.loads(await reader.readline())
    acting = asyncio.ensure_future(_acted(provider, told["webhooks"], secrets["webhook"]))
    orphaned = asyncio.ensure_future(_lines(reader))
    await asyncio.wait({acting, orphaned}, return_when=asyncio.FIRST_COMPLETED)
    for task in (acting, orphaned):
        task.cancel()
    await asyncio.gather(acting, orphaned, return_exceptions=True)
    await provider.stop()


async def _acted(provider: StandInProvider, url: str, secret: str) -> None:
    failure = None
    try:
        await act(provider, url, secret)
    except TelephonyError as broken:
        failure = str(broken)
    _say({"done": True, "failure": failure})


def main() -> None:
    """Be the provider."""
    configure_log()
    gc.freeze()
    asyncio.run(_main())


if __name__ == "__main__":
    main()
