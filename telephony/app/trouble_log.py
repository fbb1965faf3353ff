"""Logs what went wrong in calls: one line each, with whose fault it was."""

import structlog

from telephony.call import CallEvent, TroubleNoted

__all__ = ["log_trouble"]

log = structlog.get_logger("telephony.trouble")


def log_trouble(event: CallEvent) -> None:
    """Log one event, if it is trouble."""
    if isinstance(event.payload, TroubleNoted):
        trouble = event.payload
        log.warning(
            "trouble in a call",
            call=event.call_id,
            code=trouble.code,
            fault=trouble.fault,
            why=trouble.text,
        )
