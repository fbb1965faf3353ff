"""The log of a process: one line an event on standard error; never secrets, never audio.

A person at a terminal reads text, anything else reads one JSON object a line.
"""

import sys

import structlog

__all__ = ["configure_log", "log"]

log = structlog.get_logger("telephony.engine")


def configure_log() -> None:
    """Send the log of this process to standard error."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
