"""A phone agent: it answers phone lines and routes calls with a realtime voice model.

Importing this package loads declarations only, no I/O library.
"""

from telephony.agent import (
    Agent,
    ModelOptions,
    Tool,
    ToolServer,
    Transfer,
    hang_up,
    press_keys,
    tool,
)
from telephony.app.phone import Answer, IncomingCall, Phone, Redirect, Reject, Ring

__all__ = [
    "Agent",
    "Answer",
    "IncomingCall",
    "ModelOptions",
    "Phone",
    "Redirect",
    "Reject",
    "Ring",
    "Tool",
    "ToolServer",
    "Transfer",
    "hang_up",
    "press_keys",
    "tool",
]
