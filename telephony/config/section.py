"""What every table of `telephony.toml` has in common."""

from typing import Final

from pydantic import ConfigDict

__all__ = ["SECTION"]

SECTION: Final = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
"""Unknown keys are errors, nothing changes once it is read, and docstrings make the reference."""
