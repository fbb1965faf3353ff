"""Where a session is opened."""

from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from telephony.errors import ConfigurationError

__all__ = ["session_url"]


def session_url(base: str, model: str | None, path: str = "") -> str:
    """Add the model to a server's URL, escaped; a URL that names one keeps its own.

    Args:
        base: Such as `wss://api.example.com/v1/realtime`; its query stays as it is written.
        model: None leaves the choice to the server.
        path: For a URL that has none.

    Raises:
        ConfigurationError: It is no URL.
    """
    try:
        parts = urlsplit(base)
    except ValueError:
        raise ConfigurationError("the realtime url is not a ws:// or wss:// URL") from None
    if parts.path in ("", "/") and path:
        parts = parts._replace(path=path)
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if model is None or "model" in names:
        return urlunsplit(parts)
    wanted = f"model={quote(model, safe='')}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{wanted}" if names else wanted))
