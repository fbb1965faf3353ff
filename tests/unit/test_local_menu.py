"""The menu that the rule dialog reads out of instructions and tools."""

from typing import Any

import pytest

from telephony.local.menu import FunctionTool, Menu, build_menu, words_of

HOURS = FunctionTool("opening_hours", "Say when we are open.")
OPERATOR = FunctionTool("transfer_to_operator")
BILLING = FunctionTool("transfer_to_billing")


def keys(menu: Menu) -> dict[str | None, str]:
    """Give the labels by key."""
    return {option.key: option.label for option in menu.options}


def schema(**properties: object) -> dict[str, Any]:
    """Give an object schema that requires all its properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_tools_and_handoffs_get_keys_in_their_order() -> None:
    menu = build_menu("Be kind.", [HOURS, BILLING, OPERATOR])
    assert keys(menu) == {"1": "opening hours", "2": "billing", "3": "the operator"}
    assert menu.greeting is None


def test_instructions_name_keys_labels_replies_and_tools() -> None:
    menu = build_menu(
        """You answer the library's phone.
        Greeting: Hello, this is the town library.
        Greeting: Only the first one counts.
        - Press 4 for our hours: call opening_hours.
        Press 2: a person -> say "I will connect you." and call transfer_to_operator
        Press 5: bills -> transfer_to_billing
        * Press 9 for our address: say "5 Mill Lane."
        """,
        [OPERATOR, HOURS, BILLING],
    )
    assert menu.greeting == "Hello, this is the town library."
    assert keys(menu) == {"4": "our hours", "2": "a person", "5": "bills", "9": "our address"}
    person, address = menu.by_key("2"), menu.by_key("9")
    assert person is not None
    assert address is not None
    assert (person.reply, person.tool) == ("I will connect you.", OPERATOR)
    assert (address.reply, address.tool) == ("5 Mill Lane.", None)


def test_a_line_without_an_action_calls_the_tool_its_label_says() -> None:
    menu = build_menu("Press 5 for the opening hours.", [OPERATOR, HOURS])
    assert keys(menu) == {"5": "the opening hours", "1": "the operator"}
    option = menu.by_key("5")
    assert option is not None
    assert option.tool == HOURS


@pytest.mark.parametrize(
    "line",
    [
        "Press 5 for the weather.",
        "Press 5 for the weather: call forecast",
        "Press any key: say nothing",
        "Press 5 for opening hours: " + "x" * 500,
    ],
)
def test_a_line_that_leads_nowhere_is_no_option(line: str) -> None:
    assert keys(build_menu(line, [HOURS])) == {"1": "opening hours"}


def test_without_tools_a_bare_label_is_no_option() -> None:
    assert build_menu("Press 5 for the weather.", []) == Menu()


def test_a_tool_with_one_list_of_choices_is_one_option_per_choice() -> None:
    tool = FunctionTool(
        "route", parameters=schema(department={"type": "string", "enum": ["sales", "after_sales"]})
    )
    menu = build_menu("", [tool])
    assert keys(menu) == {"1": "sales", "2": "after sales"}
    assert menu.options[1].arguments == (("department", "after_sales"),)


def test_keys_run_out_and_options_are_bounded() -> None:
    tools = [FunctionTool(f"tool {number}") for number in range(100)]
    menu = build_menu("", tools)
    assert len(menu.options) == 40
    assert [option.key for option in menu.options[8:11]] == ["9", None, None]


def test_words_choose_the_option_with_most_of_them() -> None:
    menu = build_menu(
        "", [HOURS, FunctionTool("opening_ceremony"), FunctionTool("get_order_status")]
    )

    def chosen(text: str) -> str | None:
        option = menu.by_words(text)
        return option.label if option else None

    assert chosen("When is the opening ceremony?") == "opening ceremony"
    assert chosen("your OPENING times please") == "opening hours"
    assert chosen("what is the status of my order") == "get order status"
    assert chosen("hello, is it me you want to talk to") is None
    assert Menu().by_words("opening") is None


def test_the_operator_is_the_transfer_that_says_so_else_the_last_one() -> None:
    def label(*tools: FunctionTool) -> str | None:
        operator = build_menu("", tools).operator
        return operator.label if operator else None

    assert label(OPERATOR, BILLING) == "the operator"
    assert label(HOURS, FunctionTool("handoff_to_sales"), BILLING) == "billing"
    assert label(HOURS) is None


def test_a_tool_reads_its_schema_with_care() -> None:
    odd = FunctionTool("t", parameters={"required": "all", "properties": ["a"]})
    assert odd.required == ()
    assert odd.argument_schema("a") == {}
    odd = FunctionTool("t", parameters={"properties": {"a": 3}})
    assert odd.choices("a") == ()
    assert FunctionTool("transfer_").subject == "transfer"


def test_words_leave_out_what_carries_no_meaning() -> None:
    assert words_of("Tell me about THE order #4711, please!") == {"about", "order", "4711"}
