"""Where a session is opened."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = ["session_url"]


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
