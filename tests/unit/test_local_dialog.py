"""The rule dialog: what it says and calls for what it hears."""

import json
from typing import Any

import pytest

from telephony.local import Voice
from telephony.local import dialog as dialog_module
from telephony.local.dialog import CallerSaid, Dialog, FunctionCall, Reply, ToolReturned
from telephony.local.menu import FunctionTool, build_menu

HOURS = FunctionTool("opening_hours")
OPERATOR = FunctionTool("transfer_to_operator")
MENU = ("Press 1 for opening hours.", "Press 2 for the operator.", "Press 0 to hear this again.")
GREETING = "Thank you for calling. You are talking to an automated assistant."


def dialog(*tools: FunctionTool, instructions: str = "", is_greeted: bool = True) -> Dialog:
    """Make a dialog with these tools, or the usual two."""
    made = Dialog()
    made.configure(build_menu(instructions, tools or (HOURS, OPERATOR)))
    if is_greeted:
        made.answer([])
    return made


def texts(reply: Reply) -> tuple[str, ...]:
    """Give what is said."""
    return tuple(phrase.text for phrase in reply.phrases)


def say(subject: Dialog, text: str) -> Reply:
    """Let the caller say one thing."""
    return subject.answer([CallerSaid(text)])


def called(reply: Reply) -> tuple[str, Any] | None:
    """Give the call of a reply with its arguments read."""
    return (reply.call.name, json.loads(reply.call.arguments)) if reply.call else None


def test_the_first_answer_greets_and_reads_out_the_menu() -> None:
    reply = dialog(is_greeted=False).answer([])
    assert texts(reply) == (GREETING, *MENU)
    assert [phrase.stand_in for phrase in reply.phrases] == [
        GREETING,
        "Press 1 for option 1.",
        "Press 2 for option 2.",
        None,
    ]


def test_the_agents_own_greeting_comes_first_and_the_usual_one_stands_in() -> None:
    reply = dialog(instructions="Greeting: Welcome to Mill Lane.", is_greeted=False).answer([])
    assert texts(reply) == ("Welcome to Mill Lane.", *MENU)
    assert reply.phrases[0].stand_in == GREETING


def test_a_greeting_that_reads_out_the_keys_has_no_menu_after_it() -> None:
    line = "Greeting: Hello. Press one for opening hours."
    assert texts(dialog(instructions=line, is_greeted=False).answer([])) == (
        "Hello. Press one for opening hours.",
    )


def test_an_option_may_say_its_own_words_before_its_tool_is_called() -> None:
    line = 'Press 2: a person -> say "Bear with me." and call transfer_to_operator'
    reply = say(dialog(instructions=line), "[keys 2]")
    assert texts(reply) == ("Bear with me.",)
    assert called(reply) == ("transfer_to_operator", {})


def test_without_options_the_greeting_asks_instead() -> None:
    assert texts(Dialog().answer([])) == (GREETING, "How can I help you?")


def test_a_menu_that_takes_key_0_does_not_offer_to_repeat() -> None:
    subject = dialog(instructions="Press 0 for a person: call transfer_to_operator")
    assert texts(subject.answer([]))[1:] == (
        "Press 0 for a person.",
        "Press 1 for opening hours.",
    )
    assert called(say(subject, "[keys 0]")) == ("transfer_to_operator", {})


@pytest.mark.parametrize("text", ["[keys 1]", "[keys 1#]", "1", "your opening hours, please"])
def test_a_key_or_a_word_calls_its_tool(text: str) -> None:
    reply = say(dialog(), text)
    assert texts(reply) == ("One moment, please.",)
    assert reply.call == FunctionCall("opening_hours", "{}")


@pytest.mark.parametrize("text", ["[keys 2]", "a human please", "operator"])
def test_the_operator_is_called_with_words_first(text: str) -> None:
    reply = say(dialog(), text)
    assert texts(reply) == ("I am transferring you now. Please hold.",)
    assert called(reply) == ("transfer_to_operator", {})


def test_a_person_is_any_transfer_where_none_is_called_so() -> None:
    reply = say(dialog(FunctionTool("transfer_to_billing")), "someone real")
    assert called(reply) == ("transfer_to_billing", {})


def test_an_option_may_only_say_something() -> None:
    reply = say(dialog(instructions='Press 7 for our address: say "5 Mill Lane."'), "[keys 7]")
    assert texts(reply) == ("5 Mill Lane.",)
    assert reply.call is None


@pytest.mark.parametrize("text", ["[keys 0]", "again please", "the menu"])
def test_key_0_repeats_the_last_words_worth_repeating(text: str) -> None:
    subject = dialog()
    assert texts(say(subject, text)) == (GREETING, *MENU)
    subject.answer([ToolReturned("opening_hours", "We are open.")])
    say(subject, "[speech]")
    subject.answer([ToolReturned("opening_hours", "We are closed.")])
    assert texts(say(subject, text)) == ("We are closed.", "Is there anything else?")
    assert texts(subject.answer([])) == ("We are closed.", "Is there anything else?")


def test_key_0_greets_a_caller_who_was_not_greeted() -> None:
    assert texts(say(dialog(is_greeted=False), "[keys 0]"))[0] == GREETING


def test_speech_gets_the_menu_and_twice_in_a_row_the_operator() -> None:
    subject = dialog()
    assert texts(say(subject, "[speech]")) == ("I did not understand that.", *MENU)
    assert called(say(subject, "[speech]")) == ("transfer_to_operator", {})
    assert called(say(subject, "[speech]")) is None


def test_a_clear_turn_between_them_starts_the_count_anew() -> None:
    subject = dialog()
    say(subject, "gibberish")
    say(subject, "[keys 0]")
    assert called(say(subject, "[keys 8]")) is None


def test_without_an_operator_unclear_turns_get_the_menu_for_ever() -> None:
    subject = dialog(HOURS)
    for _ in range(4):
        assert texts(say(subject, "[speech]"))[0] == "I did not understand that."


def test_speech_before_the_greeting_is_greeted() -> None:
    assert texts(say(dialog(is_greeted=False), "[speech]")) == (GREETING, *MENU)


def test_arguments_are_asked_for_one_by_one() -> None:
    properties = {
        "order_number": {"type": "string"},
        "items": {"type": "integer"},
        "speed": {"enum": ["by_post", "by_bike"]},
    }
    tool = FunctionTool(
        "reorder", parameters={"properties": properties, "required": list(properties)}
    )
    subject = dialog(tool, OPERATOR)
    reply = say(subject, "[keys 1]")
    assert texts(reply) == ("Please enter the order number, then press the pound key.",)
    assert texts(say(subject, "[speech]")) == ("I did not understand that.", *texts(reply))
    assert texts(say(subject, "[keys 0012#]")) == (
        "Please enter the items, then press the pound key.",
    )
    assert texts(say(subject, "I want 12 - no, just that")) == (
        "Press 1 for by post.",
        "Press 2 for by bike.",
    )
    assert texts(say(subject, "by plane"))[0] == "I did not understand that."
    reply = say(subject, "[keys 2]")
    assert called(reply) == (
        "reorder",
        {"order_number": "0012", "items": 12, "speed": "by_bike"},
    )


@pytest.mark.parametrize(
    ("typed", "value"), [("my bike", "by_bike"), ("[keys 1#]", "by_post"), ("post", "by_post")]
)
def test_a_choice_is_made_by_key_or_word(typed: str, value: str) -> None:
    properties = {"name": {}, "speed": {"enum": ["by_post", "by_bike"]}}
    subject = dialog(
        FunctionTool("send", parameters={"properties": properties, "required": ["name", "speed"]})
    )
    say(subject, "[keys 1]")
    say(subject, "Ada Lovelace")
    assert called(say(subject, typed)) == ("send", {"name": "Ada Lovelace", "speed": value})


def test_an_empty_answer_to_a_question_is_unclear() -> None:
    subject = dialog(FunctionTool("f", parameters={"required": ["number"]}))
    say(subject, "[keys 1]")
    assert texts(say(subject, "[keys #]"))[0] == "I did not understand that."
    assert texts(say(subject, "  "))[0] == "I did not understand that."


def test_two_unclear_answers_to_a_question_get_the_operator() -> None:
    subject = dialog(FunctionTool("f", parameters={"required": ["number"]}), OPERATOR)
    say(subject, "[keys 1]")
    say(subject, "[speech]")
    assert called(say(subject, "[speech]")) == ("transfer_to_operator", {})
    assert called(say(subject, "[keys 2]")) == ("transfer_to_operator", {})


@pytest.mark.parametrize(
    ("output", "text", "stand_in"),
    [
        (
            "We are open.",
            "We are open.",
            "Here is what I found. I have an answer, but no recording of it.",
        ),
        (
            '"We are open."',
            "We are open.",
            "Here is what I found. I have an answer, but no recording of it.",
        ),
        (
            '{"open": true}',
            '{"open": true}',
            "Here is what I found. I have an answer, but no recording of it.",
        ),
        ("The tool failed.", "The tool failed.", "I could not find that out."),
        ("", "I could not find that out.", "I could not find that out."),
    ],
)
def test_a_result_is_told_whole_with_a_short_stand_in(
    output: str, text: str, stand_in: str
) -> None:
    reply = dialog().answer([ToolReturned("opening_hours", output)])
    assert (reply.phrases[0].text, reply.phrases[0].stand_in) == (text, stand_in)
    assert texts(reply)[1:] == ("Is there anything else?",)


def test_a_megabyte_of_result_is_cut() -> None:
    reply = dialog().answer([ToolReturned("opening_hours", "x" * 1_000_000)])
    assert len(reply.phrases[0].text) == 20_000


@pytest.mark.parametrize(
    ("output", "stand_in"),
    [
        ("The transfer failed: busy", "The operator is busy."),
        ('{"outcome": "no_answer"}', "The operator did not answer."),
        ("They declined.", "The operator cannot take your call."),
        ("unknown", "The transfer did not work."),
        ("", "The transfer did not work."),
    ],
)
def test_a_transfer_that_failed_is_told_and_the_menu_follows(output: str, stand_in: str) -> None:
    reply = dialog().answer([ToolReturned("transfer_to_operator", output)])
    assert reply.phrases[0].stand_in == stand_in
    assert texts(reply)[1:] == MENU


def test_another_agent_greets_the_caller_anew() -> None:
    subject = dialog()
    subject.configure(build_menu("", (HOURS, OPERATOR)))
    assert texts(subject.answer([ToolReturned("opening_hours", "x")]))[0] == "x"
    subject.configure(build_menu("", (FunctionTool("pay_invoice"),)))
    reply = subject.answer([ToolReturned("transfer_to_billing", "done")])
    assert texts(reply) == ("Hello.", "Press 1 for pay invoice.", "Press 0 to hear this again.")


def test_a_result_and_the_callers_turn_are_both_answered() -> None:
    reply = dialog().answer([ToolReturned("opening_hours", "We are open."), CallerSaid("[keys 2]")])
    assert texts(reply)[0] == "We are open."
    assert called(reply) == ("transfer_to_operator", {})


def test_given_words_are_said_and_greet_a_caller_who_was_not_greeted() -> None:
    subject = dialog(is_greeted=False)
    assert texts(subject.recite("Good morning.")) == ("Good morning.", *MENU)
    assert texts(subject.recite("Good night.")) == ("Good night.",)
    assert texts(say(subject, "[keys 0]")) == ("Good morning.", *MENU)


def test_every_word_of_its_own_has_a_recording() -> None:
    voice = Voice.load()
    words = [
        dialog_module.GREETING,
        dialog_module.NEXT_GREETING,
        dialog_module.HOW_CAN_I_HELP,
        dialog_module.NOT_UNDERSTOOD,
        dialog_module.MOMENT,
        dialog_module.TRANSFERRING,
        dialog_module.FOUND,
        dialog_module.NOT_FOUND,
        dialog_module.REPEAT,
        dialog_module.PRESS_A_KEY,
        dialog_module.ANYTHING_ELSE,
        dialog_module.NOT_TRANSFERRED,
    ]
    words += [say for _, say in dialog_module.TRANSFER_OUTCOMES]
    words += [f"Press {key} for option {key}." for key in "123456789*"]
    assert [text for text in words if not voice.can_speak(text)] == []
