"""What a model is told of the transfers that it asks for."""

from telephony.call import TransferEnded

__all__ = ["NOT_ALLOWED", "UNDER_WAY", "failure_of"]

NOT_ALLOWED = "error: this transfer is not allowed; stay with the caller"
UNDER_WAY = "error: a transfer is under way already"


def failure_of(ended: TransferEnded) -> str | None:
    """Say what came of a transfer that failed; None after a good one: we are gone."""
    if ended.outcome in {"connected", "handed_off"}:
        return None
    status = f" ({ended.status})" if ended.status else ""
    return f"The transfer did not work: {ended.outcome}{status}."
