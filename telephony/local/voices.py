"""The voice of the embedded agent: recordings, and how a text becomes a row of them.

No speech is synthesized at run time. `prompts/` holds whole sentences, openings ("Press two for"),
words, numbers and letters, each rendered once as mu-law octets at 8,000 Hz
(`tests/fixtures/render_voices.py`, texts in `prompts.toml`). A text is spoken by the longest
recordings that its words match, case and punctuation aside:

- numbers are read as such up to 99, else digit by digit; `*` and `#` are star and pound;
- an unknown word that looks like a code (`AB12`, `VIP`) is spelled;
- a menu item with an unknown label ("Press 2 for gift cards.") becomes "Press two for option two";
- any other sentence with an unknown word is replaced, or left out.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, TypedDict, cast

from telephony.errors import LocalError
from telephony_codecs import AudioFormat

__all__ = ["Recording", "Utterance", "Voice", "VoiceError", "load_recordings"]

FORMAT = AudioFormat.PCMU
PAUSE_MS = {"": 40, ",": 160, ".": 320}
"""Silence between two recordings: inside a phrase, after a comma, after a sentence."""
TEXT_CHARS_MAX = 4_000
"""About four minutes of speech; what is beyond is not spoken."""
CODE_CHARS_MAX = 12
"""The longest unknown word that is spelled."""
LETTERS = "letters"
NO_RECORDING = "no_recording"

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen")
SMALL = (*DIGITS, *TEENS, "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SYMBOLS = {"*": "star", "#": "pound", "&": "and"}
TOKEN = re.compile(r"([^\W_]+(?:'[^\W_]+)?|[*#&$%@+=€£])|([,.!?;:\n])")
"""A word or a sign that is read aloud, or a mark that makes a pause; all else is passed over."""


class VoiceError(LocalError):
    """A recording was asked for that does not exist, or the package's audio is damaged."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded text.

    Attributes:
        name: Its id, such as "greeting".
        kind: The section of `prompts.toml` it stands in; "letters" are only used for spelling.
        text: What is said.
        octets: Mu-law, 8,000 Hz, trimmed to 20 ms before and 40 ms after the speech.
    """

    name: str
    kind: str
    text: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text as it is spoken.

    Attributes:
        octets: Mu-law, 8,000 Hz; empty if nothing could be said.
        transcript: The text as it was given, whole.
        spoken: The words of the octets; differs where words had no recording.
    """

    octets: bytes
    transcript: str
    spoken: str


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a text: as it is matched, as it was written, what follows it."""

    spoken: str
    written: str
    pause: Literal["", ",", "."]


class _Row(TypedDict):
    id: str
    kind: str
    text: str
    sha256: str


class Voice:
    """Speaks texts by its recordings."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        """Learn what can be said.

        Args:
            recordings: Distinct names; distinct words, but for letters.

        Raises:
            VoiceError: Two recordings have one name or one text.
        """
        self._by_name: dict[str, Recording] = {}
        self._by_words: dict[tuple[str, ...], Recording] = {}
        self._letters: dict[str, Recording] = {}
        for recording in recordings:
            if recording.name in self._by_name:
                raise VoiceError(f"two recordings are named {recording.name!r}")
            self._by_name[recording.name] = recording
            if recording.kind == LETTERS:
                self._letters[recording.text.casefold()] = recording
                continue
            words = _key([_words(recording.text)])
            if words in self._by_words:
                raise VoiceError(f"two recordings say {recording.text!r}")
            self._by_words[words] = recording
        self._longest = max(map(len, self._by_words), default=1)

    @classmethod
    def load(cls) -> "Voice":
        """Give the voice that ships with this package.

        Raises:
            VoiceError: A file is missing or is not what the index says; the install is damaged.
        """
        return cls(load_recordings(files("telephony.local") / "prompts"))

    @property
    def names(self) -> frozenset[str]:
        """The ids of all recordings."""
        return frozenset(self._by_name)

    def recording(self, name: str) -> Recording:
        """Give the recording with an id.

        Raises:
            VoiceError: There is none; our caller is at fault.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise VoiceError(f"no recording is named {name!r}") from None

    def prompt(self, name: str) -> bytes:
        """Give the octets of the recording with an id: mu-law, 8,000 Hz.

        Raises:
            VoiceError: There is none; our caller is at fault.
        """
        return self.recording(name).octets

    def can_speak(self, text: str) -> bool:
        """Say whether every word of a text has a recording, or can be spelled."""
        return all(self._match(sentence) is not None for sentence in self._sentences(text))

    def speak(self, text: str, *, instead: str | None = NO_RECORDING) -> Utterance:
        """Give a text as it is spoken.

        Args:
            text: English, up to 4,000 characters; what is beyond is not spoken.
            instead: The id of the recording that is said, once, in the place of sentences without
                one; None leaves them out.

        Raises:
            VoiceError: There is no recording named `instead`; our caller is at fault.
        """
        substitute = [] if instead is None else [(self.recording(instead), ".")]
        pieces: list[tuple[Recording, str]] = []
        for sentence in self._sentences(text):
            matched = self._match(sentence) or self._menu_form(sentence)
            if matched is None:
                matched, substitute = substitute, []
            pieces += matched
        return Utterance(_join(pieces), text, " ".join(piece.text for piece, _ in pieces))

    def _sentences(self, text: str) -> Iterator[list[_Word]]:
        """Split a text; sentences that one recording says together stay together."""
        sentences: list[list[_Word]] = [[]]
        for word in _words(text[:TEXT_CHARS_MAX]):
            if _ends_before(word, sentences[-1]):
                sentences.append([])
            sentences[-1].append(word)
        start = 0
        while start < len(sentences):
            end = min(len(sentences), start + self._longest)
            while end > start + 1 and _key(sentences[start:end]) not in self._by_words:
                end -= 1
            if joined := [word for sentence in sentences[start:end] for word in sentence]:
                yield joined
            start = end

    def _match(self, words: list[_Word]) -> list[tuple[Recording, str]] | None:
        """Cover words by the longest recordings, from left to right; None if one stays bare."""
        pieces: list[tuple[Recording, str]] = []
        start = 0
        while start < len(words):
            for end in range(min(len(words), start + self._longest), start, -1):
                key = tuple(word.spoken for word in words[start:end])
                if found := self._by_words.get(key):
                    pieces.append((found, words[end - 1].pause))
                    start = end
                    break
            else:
                spelled = self._spell(words[start])
                if spelled is None:
                    return None
                pieces += spelled
                start += 1
        return pieces

    def _spell(self, word: _Word) -> list[tuple[Recording, str]] | None:
        """Spell a word that looks like a code: all capitals, or letters among digits."""
        is_code = word.written.isupper() or any(map(str.isdigit, word.written))
        if not is_code or len(word.written) > CODE_CHARS_MAX:
            return None
        spelled: list[tuple[Recording, str]] = []
        for character in word.written.casefold():
            if character in "0123456789":
                found = self._by_words.get((DIGITS[int(character)],))
            else:
                found = self._letters.get(character)
            if found is None:
                return None
            spelled.append((found, ""))
        return [*spelled[:-1], (spelled[-1][0], word.pause)]

    def _menu_form(self, words: list[_Word]) -> list[tuple[Recording, str]] | None:
        """Turn "Press KEY for ANYTHING" into "Press KEY for option KEY"."""
        match words:
            case [_Word("press"), _Word(key), _Word("for"), _, *_]:
                return self._match([*words[:3], _Word("option", "", ""), _Word(key, "", ".")])
            case _:
                return None


def load_recordings(folder: Traversable) -> Iterator[Recording]:
    """Read a folder that `tests/fixtures/render_voices.py` wrote, in the order of its texts.

    Args:
        folder: Holds `index.json` and the `.ulaw` files that it names.

    Raises:
        VoiceError: A file is missing or is not what the index says; the install is damaged.
    """
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for row in cast("list[_Row]", index["recordings"]):
        file = folder / f"{row['id']}.ulaw"
        try:
            octets = file.read_bytes()
        except OSError as error:
            raise VoiceError(f"the recording {row['id']!r} is missing") from error
        if hashlib.sha256(octets).hexdigest() != row["sha256"]:
            raise VoiceError(f"the recording {row['id']!r} is not what the index says")
        yield Recording(row["id"], row["kind"], row["text"], octets)


def _ends_before(word: _Word, sentence: list[_Word]) -> bool:
    """Say whether a sentence is over before a word; the items of a menu are sentences, too."""
    if not sentence:
        return False
    pause = sentence[-1].pause
    return pause == "." or (pause == "," and word.spoken == "press")


def _key(sentences: list[list[_Word]]) -> tuple[str, ...]:
    """Give the words of sentences as one recording of them would be found."""
    return tuple(word.spoken for sentence in sentences for word in sentence)


def _words(text: str) -> list[_Word]:
    """Split a text into words as they are spoken, each with the pause that its punctuation asks."""
    words: list[_Word] = []
    for match in TOKEN.finditer(text):
        written, mark = match.groups()
        if written is None:
            if words:
                pause: Literal[",", "."] = "," if mark == "," else "."
                words[-1] = _Word(words[-1].spoken, words[-1].written, pause)
        elif written.isascii() and written.isdecimal():
            words += [_Word(spoken, written, "") for spoken in _number_words(written)]
        else:
            words.append(_Word(SYMBOLS.get(written, written.casefold()), written, ""))
    return words


def _number_words(digits: str) -> list[str]:
    """Read a number up to 99 as a number, any other digit by digit."""
    value = int(digits) if len(digits) <= len("99") else -1
    if value < 0 or (digits[0] == "0" and len(digits) > 1):
        return [DIGITS[int(digit)] for digit in digits]
    if value < len(SMALL):
        return [SMALL[value]]
    tens, rest = divmod(value, 10)
    return [TENS[tens - 2], *([SMALL[rest]] if rest else [])]


def _join(pieces: list[tuple[Recording, str]]) -> bytes:
    """Put recordings in a row, with the pauses between them."""
    octets = bytearray()
    for number, (recording, _) in enumerate(pieces):
        if number:
            octets += FORMAT.silence(FORMAT.samples_of_ms(PAUSE_MS[pieces[number - 1][1]]))
        octets += recording.octets
    return bytes(octets)
