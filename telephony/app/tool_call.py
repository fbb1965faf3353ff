"""One call of a sync tool, wherever it runs: the text that the model reads, or how it failed."""

import traceback
from dataclasses import dataclass

from telephony.agent import AnyTool

__all__ = ["Failed", "Outcome", "call_tool"]


@dataclass(frozen=True, slots=True)
class Failed:
    """A tool that gave no result.

    Attributes:
        why: What the model is told: no details, which may be secrets.
        trace: All of it, for the log.
    """

    why: str
    trace: str

    @classmethod
    def by(cls, error: BaseException) -> "Failed":
        """Describe what a tool raised."""
        trace = "".join(traceback.format_exception(error))
        return cls(f"failed: {type(error).__name__}", trace)


Outcome = str | Failed
"""The result as text, or why there is none."""


def call_tool(tool: AnyTool, arguments: dict[str, object]) -> Outcome:
    """Call a plain function and write its result; raises nothing, whatever it does."""
    try:
        return tool.write_result(tool.function(**arguments))
    except BaseException as error:  # SystemExit too: it ends the tool, not us
        return Failed.by(error)
