"""The base of every message between engine and app."""

from pydantic import BaseModel, ConfigDict

__all__ = ["MessageBody"]


class MessageBody(BaseModel):
    """What every message between engine and app is: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
