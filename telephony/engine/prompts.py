"""The engine's own words: for when the voice session has none."""

from telephony.call import Prompts
from telephony.local.voices import Voice

__all__ = ["load_prompts"]


def load_prompts() -> Prompts:
    """Load them from the shipped voice."""
    voice = Voice.load()
    return Prompts(apology=voice.prompt("apology"), filler=voice.prompt("one_moment"))
