"""The embedded server's mind: a rule dialog, not a language model.

It reads a menu out of the session's instructions and tools (`menu.py`), lets the caller choose by
key or by typed words, calls the tool chosen, asks for arguments by keypad, and reads the result
back. It understands no speech: a spoken turn counts as unclear and gets the menu; two unclear turns
in a row get the operator, where the agent has one.

It answers in phrases. What the phrase says stands in the transcript; the voice says the same where
a recording of it ships with the package, else the phrase's stand-in.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from telephony.local.menu import (
    OPERATOR_WORDS,
    REPEAT_KEY,
    TOOL_KEYS,
    WORD,
    FunctionTool,
    Menu,
    Option,
    words_of,
)

__all__ = ["CallerSaid", "Dialog", "FunctionCall", "Heard", "Phrase", "Reply", "ToolReturned"]

MAX_PHRASE_CHARACTERS = 20_000
"""A tool's result longer than this is cut in the transcript: nobody can listen to it."""
MAX_ARGUMENT_CHARACTERS = 256
UNCLEAR_TURNS_TO_OPERATOR = 2

# The words of `prompts.toml`, so that each of these has a recording.
GREETING = "Thank you for calling. You are talking to an automated assistant."
NEXT_GREETING = "Hello."
HOW_CAN_I_HELP = "How can I help you?"
NOT_UNDERSTOOD = "I did not understand that."
MOMENT = "One moment, please."
TRANSFERRING = "I am transferring you now. Please hold."
FOUND = "Here is what I found. I have an answer, but no recording of it."
NOT_FOUND = "I could not find that out."
REPEAT = "Press 0 to hear this again."
PRESS_A_KEY = "Please press a key."
ANYTHING_ELSE = "Is there anything else?"
NOT_TRANSFERRED = "The transfer did not work."
TRANSFER_OUTCOMES = (
    (re.compile(r"\bbusy\b", re.IGNORECASE), "The operator is busy."),
    (re.compile(r"\bno[_ ]answer|did not answer", re.IGNORECASE), "The operator did not answer."),
    (re.compile(r"\bdeclined?\b", re.IGNORECASE), "The operator cannot take your call."),
)
"""How a transfer to a person went, by what its result says."""
FAILED = re.compile(r"\b(?:error|failed|exception|timed out)\b", re.IGNORECASE)

KEYS = re.compile(r"\[keys ([0-9A-D*#]{1,64})\]|\s*([0-9*#]{1,64})\s*")
DIGITS = re.compile(r"\d[\d -]*")
REPEAT_WORDS = frozenset({"repeat", "again", "menu", "options"})
SPEECH = "[speech]"


@dataclass(frozen=True, slots=True)
class CallerSaid:
    """The caller's turn: typed text, `[keys 12#]` for the keypad, `[speech]` for spoken words."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A tool has run."""

    name: str
    output: str


Heard = CallerSaid | ToolReturned


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to say."""

    text: str
    stand_in: str | None = None
    """What the voice says when it has no recordings for the text."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A tool to run."""

    name: str
    arguments: str
    """A JSON object."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: words, then perhaps a call."""

    phrases: tuple[Phrase, ...] = ()
    call: FunctionCall | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """A chosen tool that an argument is being asked for."""

    tool: FunctionTool
    argument: str
    arguments: dict[str, str | int]
    """Those it has already."""


class Dialog:
    """The state of one conversation: what was greeted, asked and last said."""

    def __init__(self) -> None:
        """Begin with an empty menu and the greeting still to come."""
        self.menu = Menu()
        self._is_greeted = False
        self._unclear_turns = 0
        self._form: _Form | None = None
        self._last_words: tuple[Phrase, ...] = ()

    def configure(self, menu: Menu) -> None:
        """Take the session's menu; another one is another agent, who greets the caller anew."""
        if menu == self.menu:
            return
        self.menu = menu
        self._is_greeted = False
        self._unclear_turns = 0
        self._form = None

    def go_on_behind(self, words: str) -> None:
        """Learn what the agent said last, in a session before this one: nobody is greeted again."""
        self._is_greeted = True
        self._last_words = (Phrase(words[:MAX_PHRASE_CHARACTERS], HOW_CAN_I_HELP),)

    def answer(self, heard: Sequence[Heard]) -> Reply:
        """Answer what was heard since the last answer.

        Args:
            heard: In order; empty when a response was asked for out of the blue, which greets the
                caller at first and repeats the last words later.
        """
        phrases: tuple[Phrase, ...] = ()
        for one in heard:
            reply = self._answer_one(one)
            phrases += reply.phrases
            if reply.call is not None:
                return Reply(phrases, reply.call)
        if not heard:
            phrases = self._last_words if self._is_greeted else self._greet()
        self._last_words = tuple(p for p in phrases if p.text != NOT_UNDERSTOOD)
        return Reply(phrases)

    def recite(self, words: str) -> Reply:
        """Say words that were given, as the greeting where there was none yet."""
        if self._is_greeted:
            return Reply((Phrase(words[:MAX_PHRASE_CHARACTERS]),))
        self._last_words = self._greet(words[:MAX_PHRASE_CHARACTERS])
        return Reply(self._last_words)

    def _answer_one(self, heard: Heard) -> Reply:
        if isinstance(heard, ToolReturned):
            return Reply(self._tell(heard))
        if match := KEYS.fullmatch(heard.text):
            return self._press(match[1] or match[2])
        if heard.text == SPEECH:
            return self._misunderstand()
        return self._read(heard.text)

    def _greet(self, words: str | None = None) -> tuple[Phrase, ...]:
        """Say the first words; a greeting that reads out the keys itself needs no menu after it."""
        default = NEXT_GREETING if self._last_words else GREETING
        self._is_greeted = True
        greeting = Phrase(words or self.menu.greeting or default, default)
        if "press" in WORD.findall(greeting.text.lower()):
            return (greeting,)
        return (greeting, *(self._menu_phrases() or (Phrase(HOW_CAN_I_HELP),)))

    def _menu_phrases(self) -> tuple[Phrase, ...]:
        lines = [_line(option.key, option.label) for option in self.menu.options if option.key]
        if lines and self.menu.by_key(REPEAT_KEY) is None:
            lines.append(Phrase(REPEAT))
        return tuple(lines)

    def _press(self, keys: str) -> Reply:
        value = keys.rstrip("#")
        if self._form is not None and value:
            return self._fill_in(self._form, value)
        if option := self.menu.by_key(value):
            return self._choose(option)
        if value == REPEAT_KEY:
            return self._repeat()
        return self._misunderstand()

    def _read(self, text: str) -> Reply:
        """Answer typed words."""
        if self._form is not None:
            digits = DIGITS.search(text)
            value = re.sub(r"[ -]", "", digits[0]) if digits else text.strip()
            if value:
                return self._fill_in(self._form, value)
        if option := self.menu.by_words(text):
            return self._choose(option)
        words = words_of(text)
        if words & OPERATOR_WORDS and (operator := self.menu.operator):
            return self._choose(operator)
        return self._repeat() if words & REPEAT_WORDS else self._misunderstand()

    def _repeat(self) -> Reply:
        self._unclear_turns = 0
        return Reply(self._last_words if self._is_greeted else self._greet())

    def _misunderstand(self) -> Reply:
        if not self._is_greeted:
            return Reply(self._greet())
        self._unclear_turns += 1
        operator = self.menu.operator
        if self._unclear_turns >= UNCLEAR_TURNS_TO_OPERATOR and operator is not None:
            return self._choose(operator)
        if self._form is not None:
            return Reply(
                (Phrase(NOT_UNDERSTOOD), *_questions(self._form.tool, self._form.argument))
            )
        return Reply((Phrase(NOT_UNDERSTOOD), *self._menu_phrases()))

    def _choose(self, option: Option) -> Reply:
        self._is_greeted = True
        self._unclear_turns = 0
        self._form = None
        said = (Phrase(option.reply, FOUND),) if option.reply else ()
        if option.tool is None:
            return Reply(said)
        return self._proceed(option.tool, dict(option.arguments), said)

    def _fill_in(self, form: _Form, value: str) -> Reply:
        if choices := form.tool.choices(form.argument):
            chosen = _choice(choices, value)
            if chosen is None:
                return self._misunderstand()
            value = chosen
        self._unclear_turns = 0
        typed = _typed(value[:MAX_ARGUMENT_CHARACTERS], form.tool, form.argument)
        return self._proceed(form.tool, {**form.arguments, form.argument: typed}, ())

    def _proceed(
        self, tool: FunctionTool, arguments: dict[str, str | int], said: tuple[Phrase, ...]
    ) -> Reply:
        """Ask for the next argument, or call the tool when it has them all."""
        missing = [name for name in tool.required if name not in arguments]
        if missing:
            self._form = _Form(tool, missing[0], arguments)
            return Reply((*said, *_questions(tool, missing[0])))
        self._form = None
        if not said:
            said = (Phrase(TRANSFERRING if tool.is_transfer else MOMENT),)
        return Reply(said, FunctionCall(tool.name, json.dumps(arguments)))

    def _tell(self, returned: ToolReturned) -> tuple[Phrase, ...]:
        """Tell what a tool said; a transfer that is told about did not end the call."""
        if not self._is_greeted:
            return self._greet()
        text = _plain(returned.output)[:MAX_PHRASE_CHARACTERS]
        if FunctionTool(returned.name).is_transfer:
            return (_outcome(text), *self._menu_phrases())
        stand_in = NOT_FOUND if not text or FAILED.search(text) else FOUND
        return (Phrase(text or NOT_FOUND, stand_in), Phrase(ANYTHING_ELSE))


def _outcome(text: str) -> Phrase:
    """Tell how a transfer went."""
    said = next((say for outcome, say in TRANSFER_OUTCOMES if outcome.search(text)), None)
    return Phrase(text or NOT_TRANSFERRED, said or NOT_TRANSFERRED)


def _line(key: str, label: str) -> Phrase:
    return Phrase(f"Press {key} for {label}.", f"Press {key} for option {key}.")


def _questions(tool: FunctionTool, argument: str) -> tuple[Phrase, ...]:
    """Ask for an argument: by a menu of its choices, else for digits."""
    if choices := tool.choices(argument):
        return tuple(
            _line(key, choice.replace("_", " "))
            for key, choice in zip(TOOL_KEYS, choices, strict=False)
        )
    subject = " ".join(re.split(r"[_\W]+", argument))
    return (Phrase(f"Please enter the {subject}, then press the pound key.", PRESS_A_KEY),)


def _choice(choices: Sequence[str], value: str) -> str | None:
    """Find the choice that a key or typed words mean."""
    if value in TOOL_KEYS[: len(choices)]:
        return choices[int(value) - 1]
    said = words_of(value)
    return next((one for one in choices if words_of(one.replace("_", " ")) & said), None)


def _typed(value: str, tool: FunctionTool, argument: str) -> str | int:
    """Give a value the JSON type that the tool's schema wants, where the value allows it."""
    wants_number = tool.argument_schema(argument).get("type") in ("integer", "number")
    return int(value) if wants_number and value.isascii() and value.isdigit() else value


def _plain(output: str) -> str:
    """Unwrap a result that is a JSON string; any other is told as it is."""
    try:
        value: object = json.loads(output)
    except (ValueError, RecursionError):
        return output.strip()
    return value.strip() if isinstance(value, str) else output.strip()
