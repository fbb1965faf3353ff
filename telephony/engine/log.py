"""The log of a process: one line an event on standard error; never secrets, never audio.

A person at a terminal reads text, anything else reads one JSON object a line.
"""

import sys
from logging import INFO, WARNING

import structlog

__all__ = ["configure_log", "log"]

log = structlog.get_logger("telephony.engine")


def configure_log(*, only_warnings: bool = False) -> None:
    """Send the log of this process to standard error.

    Args:
        only_warnings: Leave out what is no trouble: for commands that a person looks at.
    """
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(WARNING if only_warnings else INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
