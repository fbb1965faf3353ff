"""The log of a process: one line an event on standard error; never secrets, never audio.

A person at a terminal reads text, anything else reads one JSON object a line.
"""

import sys
from logging import INFO, WARNING

import structlog

__all__ = ["configure_log", "is_worth_a_line", "log"]

LOGGED_ONE_BY_ONE = 5

log = structlog.get_logger("telephony.engine")


def is_worth_a_line(count: int) -> bool:
    """Say whether to log one more refusal: whoever may flood us does not flood the log.

    Args:
        count: How many of its kind there were, with this one: the first few are logged, and from
            then on each tenfold count.
    """
    return count <= LOGGED_ONE_BY_ONE or count == 10 ** (len(str(count)) - 1)


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
