r"""Header fields: ordered, case-blind, lossless.

A field is kept as its whole line, folds included, so a message nobody changed is written octet for
octet as it came. What a line means (its name, its unfolded value, its typed form) is worked out
when it is asked for; typed forms are remembered until the fields of their name change.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar, cast

from telephony.errors import LocalError
from telephony.sip.errors import SipSyntaxError, clip
from telephony.sip.grammar import is_token, split_list

__all__ = ["MAX_HEADER_FIELDS", "Headers", "header_key"]

T = TypeVar("T")

MAX_HEADER_FIELDS = 512
"""Header fields of one message: 255 hops may each add a Via and a Record-Route."""

COMPACT_FORMS = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""RFC 3261 section 7.3.3 and the IANA registry of SIP header fields."""

LIST_HEADERS = frozenset(
    {
        "accept",
        "accept-contact",
        "accept-encoding",
        "accept-language",
        "alert-info",
        "allow",
        "allow-events",
        "call-info",
        "contact",
        "content-encoding",
        "content-language",
        "diversion",
        "error-info",
        "geolocation",
        "history-info",
        "in-reply-to",
        "p-asserted-identity",
        "p-associated-uri",
        "p-preferred-identity",
        "path",
        "proxy-require",
        "reason",
        "record-route",
        "recv-info",
        "reject-contact",
        "request-disposition",
        "require",
        "route",
        "service-route",
        "supported",
        "unsupported",
        "user-to-user",
        "via",
        "warning",
    }
)
"""Header fields whose grammar is a comma list. All others are never split (RFC 3261 7.3.1)."""

_KEYS = {
    spelling: key
    for key in (*COMPACT_FORMS.values(), *LIST_HEADERS, "cseq", "max-forwards", "user-agent")
    for spelling in (key, key.title(), key.upper())
} | {
    "CSeq": "cseq",
    "Call-ID": "call-id",
    "P-Associated-URI": "p-associated-uri",
    **{letter: key for short, key in COMPACT_FORMS.items() for letter in (short, short.upper())},
}
"""The usual spellings, so that a usual name costs one look-up."""

_FOLD = re.compile(r"\r\n[ \t]+")
_BARE_NUL = r"(?<!\\)\x00"
_UNWRITABLE = re.compile(rf"[\r\n\ud800-\udc7f\udd00-\udfff]|{_BARE_NUL}")
_BAD_FIELD = "Bad Header Field"


def header_key(name: str) -> str:
    """Give the lower-case long form of a header field's name."""
    key = _KEYS.get(name)
    if key is None:
        lowered = name.lower()
        key = COMPACT_FORMS.get(lowered, lowered)
    return key


class Headers:
    """The header fields of one message, in order.

    Names match whatever their case and whether compact or long. Values go in and come out without
    surrounding white space and unfolded.
    """

    __slots__ = ("_keys", "_lines", "_typed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        """Build from (name, value) pairs.

        Raises:
            LocalError: As `add`.
        """
        self._keys: list[str] = []
        self._lines: list[str] = []
        self._typed: dict[str, dict[object, object]] = {}
        for name, value in items:
            self.add(name, value)

    def __contains__(self, name: str) -> bool:
        """Say whether a header field of this name is there."""
        return header_key(name) in self._keys

    def __len__(self) -> int:
        """Count the header fields."""
        return len(self._keys)

    @property
    def lines(self) -> Sequence[str]:
        """The header lines as they are written, without their ends; folds are inside."""
        return self._lines

    def get(self, name: str) -> str | None:
        """Give the first value of this name, unfolded, None where there is none."""
        try:
            return _value(self._lines[self._keys.index(header_key(name))])
        except ValueError:
            return None

    def get_all(self, name: str) -> list[str]:
        """Give the values of this name, one per header field; comma lists are not split."""
        key = header_key(name)
        if key not in self._keys:
            return []
        return [_value(self._lines[at]) for at, known in enumerate(self._keys) if known == key]

    def values(self, name: str) -> list[str]:
        """Give the values of this name; comma lists are split where the header is a list.

        Raises:
            SipSyntaxError: A list is broken.
        """
        values = self.get_all(name)
        key = header_key(name)
        if key not in LIST_HEADERS:
            return values
        if len(values) == 1 and "," not in values[0]:
            return values if values[0] else []
        return [element for value in values for element in _parsed(name, value, split_list)]

    def items(self) -> list[tuple[str, str]]:
        """Give (name as written, value) pairs in order."""
        return [(line[: line.index(":")].rstrip(" \t"), _value(line)) for line in self._lines]

    def add(self, name: str, value: str) -> None:
        """Append a header field.

        Raises:
            LocalError: The name is no token, or the value could not be written as one field: it
                holds CR or LF, a NUL that is not part of a quoted-pair, or a lone surrogate.
        """
        self._insert(len(self._keys), header_key(name), _line(name, value))

    def prepend(self, name: str, value: str) -> None:
        """Put a header field before all others.

        Raises:
            LocalError: As `add`.
        """
        self._insert(0, header_key(name), _line(name, value))

    def set(self, name: str, value: str) -> None:
        """Replace every header field of this name by one, in the place of the first.

        Raises:
            LocalError: As `add`.
        """
        key = header_key(name)
        line = _line(name, value)
        found = self._keys.count(key)
        if found == 1:
            self._lines[self._keys.index(key)] = line
            self._typed.pop(key, None)
            return
        place = self._keys.index(key) if found else len(self._keys)
        self.remove(name)
        self._insert(place, key, line)

    def replace_first(self, name: str, value: str) -> None:
        """Replace the first value of this name and keep all others, also in the same comma list.

        A list that is broken is replaced as a whole, as where its first value ends is not known.

        Raises:
            LocalError: As `add`, or there is no such header field.
        """
        key = header_key(name)
        if key not in self._keys:
            raise LocalError(f"no {name} to replace")
        place = self._keys.index(key)
        others: list[str] = []
        if key in LIST_HEADERS:
            with suppress(SipSyntaxError):
                others = split_list(_value(self._lines[place]))[1:]
        self._lines[place] = ", ".join([_line(name, value), *others])
        self._typed.pop(key, None)

    def remove(self, name: str) -> None:
        """Remove every header field of this name, if there is any."""
        key = header_key(name)
        if key in self._keys:
            fields = zip(self._keys, self._lines, strict=True)
            self._lines = [line for known, line in fields if known != key]
            self._keys = [known for known in self._keys if known != key]
            self._typed.pop(key, None)

    def copy(self) -> "Headers":
        """Give header fields of their own that begin as these are."""
        headers = Headers()
        headers._keys = self._keys.copy()
        headers._lines = self._lines.copy()
        headers._typed = self._typed.copy()
        return headers

    def select(self, names: Iterable[str]) -> "Headers":
        """Give copies of the header fields of these names, each line as it stands."""
        wanted = set(map(header_key, names))
        headers = Headers()
        for key, line in zip(self._keys, self._lines, strict=True):
            if key in wanted:
                headers._keys.append(key)
                headers._lines.append(line)
                # Shared while the lines are the same: whoever changes them forgets its own.
                if key in self._typed:
                    headers._typed[key] = self._typed[key]
        return headers

    def one(self, name: str, parse: Callable[[str], T]) -> T:
        """Give the typed value of a header field that must be there exactly once.

        Raises:
            SipSyntaxError: It is missing, there are several, or `parse` refuses it.
        """
        value = self.optional(name, parse)
        if value is None:
            raise SipSyntaxError(f"no {name}", reason=f"Missing {name} Header Field")
        return value

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Give the typed value of a header field that may be there once.

        Raises:
            SipSyntaxError: There are several, or `parse` refuses it.
        """
        key = _KEYS.get(name) or header_key(name)
        memory = self._typed.get(key)
        if memory is not None:
            known = memory.get(parse)
            if known is not None:
                return cast("T", known)  # this parser gave it for this name
        count = self._keys.count(key)
        if not count:
            return None
        if count > 1:
            raise SipSyntaxError(f"{count} {name} fields", reason=f"Several {name} Fields")
        typed = _parsed(name, _value(self._lines[self._keys.index(key)]), parse)
        self._remember(key, parse, typed)
        return typed

    def first(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Give the first typed value of a list header, None where there is none.

        Raises:
            SipSyntaxError: The list is broken, or `parse` refuses the value.
        """
        key = header_key(name)
        memory = self._typed.get(key)
        if memory is not None:
            every = memory.get((parse, "every"))
            if every:
                return cast("tuple[T, ...]", every)[0]  # this parser gave them for this name
            known = memory.get((parse, "first"))
            if known is not None:
                return cast("T", known)  # this parser gave it for this name
        value = self.get(name)
        if not value:
            return None
        if "," in value:
            value = self.values(name)[0]
        typed = _parsed(name, value, parse)
        self._remember(key, (parse, "first"), typed)
        return typed

    def every(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Give all typed values of a list header, in order.

        Raises:
            SipSyntaxError: A list is broken, or `parse` refuses a value.
        """
        key = header_key(name)
        memory = self._typed.get(key)
        if memory is not None:
            known = memory.get((parse, "every"))
            if known is not None:
                return cast("tuple[T, ...]", known)  # this parser gave them for this name
        typed = tuple([_parsed(name, value, parse) for value in self.values(name)])
        self._remember(key, (parse, "every"), typed)
        return typed

    @classmethod
    def read(cls, lines: Iterable[str]) -> tuple["Headers", SipSyntaxError | None]:
        """Read received header lines, each with its folds inside and without its end.

        Returns:
            The header fields that are good, and what was wrong with the first that is not.
        """
        headers = cls()
        keys, good = headers._keys, headers._lines
        fault = None
        known = _KEYS.get
        for line in lines:
            name, colon, _ = line.partition(":")
            key = known(name)
            if key is None or not colon:
                name = name.rstrip(" \t")
                if not colon or not is_token(name):
                    fault = SipSyntaxError(
                        f"{clip(name[:20])}... is no header field", reason=_BAD_FIELD
                    )
                    continue
                key = header_key(name)
            keys.append(key)
            good.append(line)
        if len(keys) > MAX_HEADER_FIELDS:
            fault = SipSyntaxError(f"{len(keys)} header fields, {MAX_HEADER_FIELDS} allowed")
        return headers, fault

    def _remember(self, key: str, how: object, typed: object) -> None:
        """Keep a typed form for as long as no field of its name changes."""
        self._typed.setdefault(key, {})[how] = typed

    def _insert(self, place: int, key: str, line: str) -> None:
        self._keys.insert(place, key)
        self._lines.insert(place, line)
        self._typed.pop(key, None)


def _value(line: str) -> str:
    """Give a header line's value: unfolded, without surrounding white space."""
    value = line[line.index(":") + 1 :]
    if "\r" in value:
        value = _FOLD.sub(" ", value)
    return value.strip(" \t")


def _line(name: str, value: str) -> str:
    """Write a header line of ours, or refuse what would not stay one header field."""
    if not is_token(name):
        raise LocalError(f"{clip(name)} is no token, so no header name (RFC 3261 7.3.1)")
    if _UNWRITABLE.search(value):
        raise LocalError(f"{clip(value)} in {name} would not stay one header field")
    return f"{name}: {value}"


def _parsed(name: str, value: str, parse: Callable[[str], T]) -> T:
    """Type one value; an error then names the header field it stands in."""
    try:
        return parse(value)
    except SipSyntaxError as error:
        raise SipSyntaxError(f"{name}: {error}", reason=f"Bad {name} Header Field") from error
