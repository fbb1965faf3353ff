"""Where a session is opened."""

from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from telephony.errors import ConfigurationError

__all__ = ["session_url"]


def session_url(
    base: str, model: str | None, path: str = "", *, attach_to: str | None = None
) -> str:
    """Add the model to a server's URL, escaped; a URL that names one keeps its own.

    Args:
        base: Such as `wss://api.example.com/v1/realtime`; its query stays as it is written.
        model: None leaves the choice to the server.
        path: For a URL that has none.
        attach_to: The provider's name of a call whose session is to be joined. No model is named
            then, not even by the URL itself: that of the call was settled when it was accepted.

    Raises:
        ConfigurationError: It is no URL.
    """
    try:
        parts = urlsplit(base)
    except ValueError:
        raise ConfigurationError("the realtime url is not a ws:// or wss:// URL") from None
    if parts.path in ("", "/") and path:
        parts = parts._replace(path=path)
    if attach_to is not None:
        kept = [one for one in parts.query.split("&") if one and one.partition("=")[0] != "model"]
        query = "&".join([*kept, f"call_id={quote(attach_to, safe='')}"])
        return urlunsplit(parts._replace(query=query))
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if model is None or "model" in names:
        return urlunsplit(parts)
    wanted = f"model={quote(model, safe='')}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{wanted}" if names else wanted))
