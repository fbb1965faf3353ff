"""What servers of the Realtime protocol have that others have not: one profile for each dialect.

What is said here is what has to be known before the first event. All the rest is found out: any
server's events are read under GA and beta names, a format that is refused is asked for as PCM16,
and a server that cannot cut its memory says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from telephony.errors import ConfigurationError

__all__ = ["PROFILES", "Lack", "Profile", "SessionStyle", "profile_of"]

Lack = Literal["truncate", "g711", "formats"]
"""What a server does not do: cut an item to what was heard; take G.711; be asked for a format."""
SessionStyle = Literal["ga", "beta", "xai"]
"""How a session is written: nested; flat; nested, with the voice and the detector at the top."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One dialect."""

    key_header: str = "Authorization"
    """Where the key goes: behind `Bearer` in Authorization, by itself in any other."""
    needs_key: bool = False
    path: str = ""
    """Where sessions are opened, for a URL without a path."""
    style: SessionStyle = "ga"
    lacks: frozenset[Lack] = frozenset()
    holds_calls: bool = False
    """Whether it may have a calls API: accept, reject, refer, hangup, and sessions by `call_id`."""

    def headers(self, key: str, key_header: str | None = None) -> tuple[tuple[str, str], ...]:
        """Give the header fields that show the key.

        Args:
            key: The server's.
            key_header: A field of the user's choice.
        """
        name = key_header or self.key_header
        return ((name, f"Bearer {key}" if name.lower() == "authorization" else key),)


PROFILES: Final[Mapping[str, Profile]] = {
    "generic": Profile(holds_calls=True),
    "openai": Profile(needs_key=True, path="/v1/realtime", holds_calls=True),
    # `model` names the deployment.
    "azure": Profile(
        key_header="api-key", needs_key=True, path="/openai/v1/realtime", holds_calls=True
    ),
    "xai": Profile(needs_key=True, path="/v1/realtime", style="xai", lacks=frozenset({"truncate"})),
    "localai": Profile(path="/v1/realtime", lacks=frozenset({"truncate", "g711"})),
    "speaches": Profile(path="/v1/realtime", style="beta", lacks=frozenset({"g711", "formats"})),
}
"""By the name that `[realtime.NAME] dialect` has."""


def profile_of(dialect: str) -> Profile:
    """Find a profile.

    Raises:
        ConfigurationError: There is none of that name.
    """
    profile = PROFILES.get(dialect)
    if profile is None:
        raise ConfigurationError(f"dialect is {dialect!r}, wanted one of {', '.join(PROFILES)}")
    return profile
