"""What can go wrong between a model and a tool, apart from the tool's own work.

TelephonyError
├── LocalError
│   └── ToolResultError     a tool gave back what JSON cannot carry: the tool's fault
└── RemoteError
    └── ToolArgumentError   a model called a tool with wrong arguments: the model's fault
"""

from telephony.errors import LocalError, RemoteError

__all__ = ["ToolArgumentError", "ToolResultError"]


class ToolArgumentError(RemoteError):
    """The model's arguments do not fit; hand the message back to it as the tool's output."""


class ToolResultError(LocalError):
    """A tool's result cannot be written as JSON."""
