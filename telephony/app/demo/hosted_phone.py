"""The phone of `telephony demo --hosted`: one agent, a tool, a way to a person, and goodbye."""

from telephony.agent import Agent, Transfer, hang_up, tool
from telephony.app.phone import Phone

__all__ = ["HOURS", "OPERATOR", "phone"]

OPERATOR = "tel:+15550199"
HOURS = "We are open Monday to Friday, nine to five."
INSTRUCTIONS = """\
You answer the phone for a small company. Be brief and friendly.
Greeting: Welcome. Press one for our opening hours or two for the operator.
Press 1: opening hours -> opening_hours
Press 2: the operator -> transfer_to_operator
Press 3: goodbye -> hang_up
"""


@tool
def opening_hours() -> str:
    """Tell when the company is open."""
    return HOURS


phone = Phone()
phone.answer(
    "*",
    Agent(
        "reception",
        INSTRUCTIONS,
        tools=[opening_hours, hang_up],
        handoffs=[Transfer("operator", to=OPERATOR, description="A person who can help.")],
    ),
)
