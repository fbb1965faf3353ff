"""What `[hosted.NAME]` leads to, and what keeps its calls from being taken."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

from telephony.agent import Agent, AnyAgent
from telephony.app.hosted.signature import signing_key
from telephony.config import Settings, is_loopback
from telephony.errors import ConfigurationError
from telephony.realtime import PROFILES

__all__ = ["calls_url", "hosted_api", "hosted_faults", "hosted_realtime", "hosted_warnings"]


def hosted_realtime(settings: Settings, name: str) -> str:
    """Name the server that the sessions of a `[hosted.NAME]` are on."""
    return settings.hosted[name].realtime or next(iter(settings.realtime))


def hosted_api(settings: Settings, name: str) -> str:
    """Give the URL of the calls API of a `[hosted.NAME]`."""
    server = settings.realtime[hosted_realtime(settings, name)]
    path = PROFILES[server.dialect].path
    return settings.hosted[name].api or calls_url(server.url, path)


def calls_url(realtime_url: str, path: str) -> str:
    """Give the calls API beside a Realtime endpoint: `https` for `wss`, and `/calls` behind it.

    Args:
        realtime_url: A `ws://` or `wss://` URL.
        path: For a URL that has none.
    """
    parts = urlsplit(realtime_url)
    way = (parts.path if parts.path not in ("", "/") else path).rstrip("/")
    scheme = {"ws": "http", "wss": "https"}[parts.scheme]
    return urlunsplit((scheme, parts.netloc, f"{way}/calls", "", ""))


def hosted_faults(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    """Find what no call would be taken with."""
    for name, hosted in settings.hosted.items():
        for index, secret in enumerate(hosted.secrets):
            try:
                signing_key(secret.read(environ))
            except ConfigurationError as wrong:
                yield f"hosted.{name}.secrets[{index}]: {wrong}"
        if not settings.realtime:
            yield f"hosted.{name}: wanted the [realtime.NAME] of its provider as well"
            continue
        realtime = hosted_realtime(settings, name)
        dialect = settings.realtime[realtime].dialect
        if not PROFILES[dialect].holds_calls:
            able = ", ".join(one for one, profile in PROFILES.items() if profile.holds_calls)
            yield (
                f"hosted.{name}.realtime: is {realtime!r}, whose dialect {dialect!r} holds no"
                f" calls; wanted one of the dialect {able}"
            )


def hosted_warnings(settings: Settings, agents: Iterable[AnyAgent]) -> Iterator[str]:
    """Find what keeps calls from us though all may be well: what we cannot see from here.

    Args:
        settings: All of them.
        agents: Those that lines lead to.
    """
    answering = list(agents)
    # A proxy that puts our own name into Host looks like a program of this machine.
    only = (
        "" if settings.http.token else ", and nothing else: without http.token it opens the calls"
    )
    for name, hosted in settings.hosted.items():
        listen = settings.http.listen
        if is_loopback(settings.http.listen_address.host):
            yield (
                f"hosted.{name}: http.listen is {listen}, which no provider reaches: a proxy has to"
                f" pass on what comes to https://YOUR.HOST{hosted.path}{only}"
            )
        realtime = hosted_realtime(settings, name)
        if settings.realtime[realtime].model is None and any(map(_names_no_model, answering)):
            yield (
                f"realtime.{realtime}: model is not set, so calls of hosted.{name} are accepted"
                " without one, which a provider may refuse"
            )
        for agent in answering:
            if agent.realtime not in (None, realtime):
                yield (
                    f"agent {agent.name}: is on realtime {agent.realtime}, so calls of"
                    f" hosted.{name}, which are on {realtime}, are refused where it is to answer"
                )


def _names_no_model(agent: AnyAgent) -> bool:
    """Tell whether an agent leaves the model to its connection, as the SDK's does if not told."""
    return not isinstance(agent, Agent) or agent.model is None
