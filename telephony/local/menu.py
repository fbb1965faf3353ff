"""What a caller can choose, read from an agent's instructions, tools and handoffs.

Instructions may name keys and words for the rule dialog in lines that a language model understands
just as well::

    Greeting: Hello, this is the town library.
    Press 1 for opening hours: call opening_hours
    Press 4: billing -> transfer_to_billing
    Press 2 for the operator: say "I will connect you now." and call transfer_to_operator
    Press 3 for our address: say "We are at 5 Mill Lane."

The words of a label choose its option in typed text. A line without an action calls the tool whose
name its label says. Every tool no line names gets the next free key from 1 to 9; a tool whose one
required argument is a list of choices becomes one option per choice. A tool named `transfer_...` or
`handoff_...` hands the call on.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

__all__ = [
    "OPERATOR_WORDS",
    "REPEAT_KEY",
    "TOOL_KEYS",
    "WORD",
    "FunctionTool",
    "Menu",
    "Option",
    "build_menu",
    "words_of",
]

MAX_LINE_CHARACTERS = 400
"""A longer line of instructions is prose, not an option."""
MAX_OPTIONS = 40
"""More choices than any caller can use; a tool's enumeration can be of any length."""
TOOL_KEYS = "123456789"
REPEAT_KEY = "0"

GREETING = re.compile(r"\W*greeting\s*:\s*(?P<text>\S.*)", re.IGNORECASE)
PRESS = re.compile(
    r"\W*press\s+(?P<key>[0-9*])(?:\s+for|\s*:)\s+(?P<label>[^:>]+?)"
    r"(?:\s*(?:->|:)\s*(?P<action>\S.*))?",
    re.IGNORECASE,
)
SAY = re.compile(r'\bsay\s+"([^"]+)"', re.IGNORECASE)
CALL = re.compile(r"\bcall\s+([\w-]+)|^([\w-]+)$", re.IGNORECASE)
TRANSFER = re.compile(r"(?:transfer|handoff|hand_off)(?:_call)?(?:_to)?(?:_|$)", re.IGNORECASE)
WORD = re.compile(r"[a-z0-9]+")
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are at by call can could do for get give have from hear hello hi i in is it
        let like me my of on or our please press say some speak talk tell that the this to want
        what when where with would you your""",
    )
)
OPERATOR_WORDS = frozenset({"operator", "person", "human", "agent", "someone", "representative"})


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function that the session may call."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON schema of the arguments; whatever the client sent, so read with care."""

    @property
    def is_transfer(self) -> bool:
        """Whether it hands the call to another agent or to a person."""
        return TRANSFER.match(self.name) is not None

    @property
    def subject(self) -> str:
        """What it is about, in words: its name without the verb of a transfer."""
        subject = TRANSFER.sub("", self.name, count=1) if self.is_transfer else self.name
        return " ".join(re.split(r"[_\W]+", subject or self.name)).strip()

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the arguments it cannot do without."""
        names = self.parameters.get("required")
        return tuple(str(name) for name in cast("list[object]", names)) if _is_list(names) else ()

    def choices(self, argument: str) -> tuple[str, ...]:
        """Give the values an argument may have, () when it may have any."""
        schema = self.argument_schema(argument)
        values = schema.get("enum")
        return (
            tuple(str(value) for value in cast("list[object]", values)) if _is_list(values) else ()
        )

    def argument_schema(self, argument: str) -> Mapping[str, Any]:
        """Give the JSON schema of one argument, empty when there is none."""
        properties = self.parameters.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        schema: object = cast("Mapping[str, object]", properties).get(argument)
        return cast("Mapping[str, Any]", schema) if isinstance(schema, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a caller can choose."""

    key: str | None
    """The key that chooses it; None when the keys ran out and only words do."""
    label: str
    words: frozenset[str]
    """Any of these in typed text chooses it."""
    reply: str | None = None
    """What is said when it is chosen, before its tool is called."""
    tool: FunctionTool | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    """Arguments that the choice itself settles."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Everything a caller can choose, in the order it is read out."""

    greeting: str | None = None
    """The agent's own first words; None leaves them to the dialog."""
    options: tuple[Option, ...] = ()

    def by_key(self, key: str) -> Option | None:
        """Find the option that a key chooses."""
        return next((option for option in self.options if option.key == key), None)

    def by_words(self, text: str) -> Option | None:
        """Find the option that a typed text names best: most words in common, first of equals."""
        said = words_of(text)
        best = max(self.options, key=lambda option: len(option.words & said), default=None)
        return best if best is not None and best.words & said else None

    @property
    def operator(self) -> Option | None:
        """The way to a person: the transfer that says so, else the last one listed."""
        transfers = [o for o in self.options if o.tool is not None and o.tool.is_transfer]
        people = [option for option in transfers if option.words & OPERATOR_WORDS]
        return people[0] if people else transfers[-1] if transfers else None


def words_of(text: str) -> frozenset[str]:
    """Give the words of a text that carry meaning, in lower case."""
    return frozenset(WORD.findall(text.lower())) - STOP_WORDS


def build_menu(instructions: str, tools: Sequence[FunctionTool]) -> Menu:
    """Read the menu out of a session's instructions and tools, handoffs among them.

    Args:
        instructions: The agent's instructions, any text.
        tools: The session's functions, in the order it lists them.
    """
    greeting = None
    options: list[Option] = []
    for line in instructions.splitlines():
        if len(line) > MAX_LINE_CHARACTERS:
            continue
        if greeting is None and (match := GREETING.fullmatch(line)):
            greeting = match["text"].strip()
        elif option := _parse_option(line, tools):
            options.append(option)
    named = {option.tool.name for option in options if option.tool is not None}
    for tool in tools:
        if tool.name not in named:
            options.extend(_options_of(tool))
    return Menu(greeting, tuple(_assign_keys(options[:MAX_OPTIONS])))


def _parse_option(line: str, tools: Sequence[FunctionTool]) -> Option | None:
    """Read one line of instructions as an option; None when it is something else."""
    match = PRESS.fullmatch(line.rstrip().rstrip("."))
    if match is None:
        return None
    label = match["label"].strip()
    action = match["action"] or ""
    say, call = SAY.search(action), CALL.search(action)
    tool = None
    if call:
        tool = next((tool for tool in tools if tool.name in call.groups()), None)
    elif not say:
        words = words_of(label)
        tool = max(tools, key=lambda t: len(words_of(t.subject) & words), default=None)
        if tool is not None and not words_of(tool.subject) & words:
            tool = None
    if tool is None and say is None:
        return None
    words = words_of(f"{label} {tool.subject}" if tool else label)
    return Option(match["key"], label, words, reply=say[1] if say else None, tool=tool)


def _options_of(tool: FunctionTool) -> Iterator[Option]:
    """Give the options of a tool that no line of the instructions names."""
    if len(tool.required) == 1 and (choices := tool.choices(argument := tool.required[0])):
        for choice in choices:
            label = " ".join(choice.replace("_", " ").split())
            yield Option(None, label, words_of(label), tool=tool, arguments=((argument, choice),))
        return
    label = tool.subject
    words = words_of(label)
    if tool.is_transfer and words & OPERATOR_WORDS:
        label = f"the {label}"
        words |= OPERATOR_WORDS
    yield Option(None, label, words, tool=tool)


def _assign_keys(options: Sequence[Option]) -> Iterator[Option]:
    """Give each option without a key the next free one, while they last."""
    taken = {option.key for option in options}
    free = iter([key for key in TOOL_KEYS if key not in taken])
    for option in options:
        yield option if option.key else replace(option, key=next(free, None))


def _is_list(value: object) -> bool:
    return isinstance(value, list)
