"""Open files: what the system allows, and how many calls that is enough for."""

import resource

from telephony.engine.log import log
from telephony.engine.sip_tcp import MAX_FLOWS
from telephony.errors import ConfigurationError

__all__ = ["allow_descriptors", "check_calls", "descriptor_limit"]

FILES_PER_CALL = 3
"""RTP, RTCP, and the connection to the voice model."""
FILES_APART = 64 + MAX_FLOWS
"""The interpreter's, the event loop's, the link to the app, listeners; and SIP's connections."""


def descriptor_limit() -> int | None:
    """Give how many files an engine may open at most; None where nothing limits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def check_calls(calls: int, limit: int | None) -> None:
    """Refuse more calls than there can be files for: the last ones could not be heard.

    Args:
        calls: At once, as the settings say.
        limit: Files that an engine may open.

    Raises:
        ConfigurationError: There are too many.
    """
    if limit is None:
        return
    possible = max(0, (limit - FILES_APART) // FILES_PER_CALL)
    if calls > possible:
        raise ConfigurationError(
            f"limits.calls is {calls}, wanted at most {possible}: the system lets a process open"
            f" {limit} files (ulimit -Hn), and each call takes {FILES_PER_CALL}"
        )


def allow_descriptors() -> None:
    """Raise the number of open files to what the system allows."""
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as refused:
        log.warning("open files not raised", why=str(refused))
