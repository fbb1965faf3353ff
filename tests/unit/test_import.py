"""`import telephony` declares; it loads nothing that could open a socket."""

import subprocess
import sys

from tests.support.child import ROOT, child_environment

IO_LIBRARIES = (
    "aiohttp",
    "asyncio",
    "av",
    "numpy",
    "prometheus_client",
    "pydantic",
    "rich",
    "socket",
    "ssl",
    "structlog",
    "typer",
    "websockets",
)
DECLARATIONS = """
import sys
from telephony import Agent, Phone, Transfer, tool

@tool
async def order_status(order_number: str) -> str:
    "Look up an order.  order_number: digits only."

billing = Agent("billing", instructions="...", tools=[order_status])
to_desk = Transfer("operator", to="sip:200@pbx.example.com")
reception = Agent("reception", instructions="...", handoffs=[billing, to_desk])
phone = Phone()
phone.answer("+15551234567", reception)
print(*sorted(name for name in sys.modules if name in WANTED))
"""


def test_declaring_a_phone_loads_no_io_library() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DECLARATIONS.replace("WANTED", repr(IO_LIBRARIES))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=child_environment(),
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == []
