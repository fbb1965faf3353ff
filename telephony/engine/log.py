"""The engine's log: one JSON object a line on standard error; never secrets, never audio."""

import structlog

__all__ = ["log"]

log = structlog.get_logger("telephony.engine")
