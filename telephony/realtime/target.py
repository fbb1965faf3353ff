"""Where a session is opened: its URL and the header that pays for it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = ["authorization", "session_url"]


def session_url(base: str, model: str | None) -> str:
    """Add the model to a server's URL, escaped; a URL that names one keeps its own.

    Args:
        base: Such as `wss://api.example.com/v1/realtime`; its query stays.
        model: None leaves the choice to the server.
    """
    parts = urlsplit(base)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if model is None or any(name == "model" for name, _ in query):
        return base
    return urlunsplit(parts._replace(query=urlencode([*query, ("model", model)])))


def authorization(key: str | None) -> Mapping[str, str]:
    """Give the header for a key, none where there is no key (a server of our own needs none)."""
    return {} if key is None else {"Authorization": f"Bearer {key}"}
