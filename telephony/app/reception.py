"""The phone that answers where nothing was configured: one agent, one tool, one way to a person."""

from telephony.agent import Agent, Transfer, tool
from telephony.app.phone import Phone

__all__ = ["DEFAULT_OPERATOR", "reception_phone"]

DEFAULT_OPERATOR = "sip:operator@127.0.0.1:5070"

INSTRUCTIONS = """\
You answer the phone for a small company. Be brief and friendly.
Tell the caller the opening hours when asked, and transfer to the operator when asked for a person.
Greeting: Thank you for calling. You are talking to an automated assistant. \
Press one for our opening hours, two for the operator, or zero to repeat.
Press 1: opening hours -> opening_hours
Press 2: the operator -> transfer_to_operator
"""


@tool
def opening_hours() -> str:
    """Tell when the company is open."""
    return "We are open Monday to Friday, nine to five."


def reception_phone(operator: str = DEFAULT_OPERATOR) -> Phone:
    """Make the default phone: any number reaches `reception`, key 2 reaches `operator`."""
    phone = Phone()
    handoffs = [Transfer("operator", to=operator, description="A person who can help.")]
    agent = Agent("reception", INSTRUCTIONS, tools=[opening_hours], handoffs=handoffs)
    phone.answer("*", agent)
    return phone
