"""What a tool's docstring says about the tool and its arguments."""

import pytest

from telephony.agent.docstring import read_docstring


def test_short_form_follows_the_description_after_two_spaces() -> None:
    about = read_docstring("Look up an order.  order_number: digits only.", ["order_number"])
    assert about.description == "Look up an order."
    assert about.arguments == {"order_number": "digits only."}


def test_short_form_may_stand_on_lines_of_its_own() -> None:
    text = """Book a table.

    day: the date,
        as YYYY-MM-DD.
    guests: how many.  name: of the caller
    """
    about = read_docstring(text, ["day", "guests", "name"])
    assert about.description == "Book a table."
    assert about.arguments == {
        "day": "the date, as YYYY-MM-DD.",
        "guests": "how many.",
        "name": "of the caller",
    }


@pytest.mark.parametrize(
    "text", ["Say it: order_number: no.", "An order_number: is not one.", "Other  name: kept."]
)
def test_a_colon_in_a_sentence_is_no_argument(text: str) -> None:
    about = read_docstring(text, ["order_number"])
    assert about.description == " ".join(text.split())
    assert about.arguments == {}


def test_google_sections_are_read_or_left_to_people() -> None:
    text = """Look up an order.

    It may take a while.

    Args:
        order_number: digits only,
            as on the receipt.
        region (str, optional): two letters

        **options: none

    Returns:
        The status: in words.

    Raises:
        KeyError: never.
    """
    about = read_docstring(text, ["order_number", "region"])
    assert about.description == "Look up an order. It may take a while."
    assert about.arguments == {
        "order_number": "digits only, as on the receipt.",
        "region": "two letters",
        "options": "none",
    }


def test_prose_before_the_first_entry_of_a_section_is_left_out() -> None:
    about = read_docstring("Do.\n\nArgs:\n    as you like\n    what: it", ["what"])
    assert about.arguments == {"what": "it"}


@pytest.mark.parametrize("text", ["", "   ", "Args:"])
def test_nothing_said_is_nothing_read(text: str) -> None:
    about = read_docstring(text, [])
    assert (about.description, about.arguments) == ("", {})
