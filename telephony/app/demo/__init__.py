"""`telephony demo`: a recorded caller phones the embedded agent, and what happens is proved."""

from telephony.app.demo.command import demo

__all__ = ["demo"]
