"""Where a model connects, and by what key: the SDK's options, read in its order."""

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from agents import UserError
from agents.realtime.model import RealtimeModelConfig
from agents.realtime.openai_realtime import TransportConfig

from telephony.engine.keepalive import KeepaliveSettings
from telephony.engine.realtime_socket import SocketSettings
from telephony.engine.uplink_writer import UplinkLimits
from telephony.engine.version import PRODUCT
from telephony.realtime import MAX_MESSAGE_OCTETS, Profile, session_url

__all__ = ["DEFAULT_URL", "api_key", "headers_of", "socket_settings", "url_of"]

DEFAULT_URL: Final = "wss://api.openai.com/v1/realtime"
KEY_VARIABLE: Final = "OPENAI_API_KEY"
BACKLOG_MS: Final = 60_000.0
"""A program may hand over a recording as fast as it reads it, which no caller does: `send_event`
makes it wait, and drops nothing."""


async def api_key(options: RealtimeModelConfig) -> str | None:
    """Find the key: text, a function that gives it now or later, or the environment's.

    Raises:
        Exception: Whatever a function of the user's does.
    """
    key = options.get("api_key")
    if key is None:
        return os.environ.get(KEY_VARIABLE)
    if isinstance(key, str):
        return key
    found = key()
    return await found if inspect.isawaitable(found) else found


def url_of(options: RealtimeModelConfig, model: str, profile: Profile) -> str:
    """Give the URL: the user's as it is, else the provider's, with the model or the call."""
    url = options.get("url")
    if url is not None:
        return url
    return session_url(DEFAULT_URL, model, profile.path, attach_to=options.get("call_id"))


def headers_of(
    options: RealtimeModelConfig, key: str | None, profile: Profile
) -> Mapping[str, str]:
    """Give the header fields: the user's as they are, else those that show the key.

    Raises:
        UserError: There are neither.
    """
    headers = options.get("headers")
    if headers is not None:
        return headers
    if not key:
        raise UserError("API key is required but was not provided.")
    return dict(profile.headers(key))


def socket_settings(transport: SocketSettings | TransportConfig | None) -> SocketSettings:
    """Give the settings of the connection, ours or the SDK's.

    A `max_size` of None or above 8 MiB is 8 MiB: no message is taken without a bound. A
    `ping_timeout` of None goes on asking, and never takes silence for an end.
    """
    if isinstance(transport, SocketSettings):
        return transport
    asked: Mapping[str, Any] = {} if transport is None else dict(transport)
    before = KeepaliveSettings()
    keepalive = KeepaliveSettings(
        ping_seconds=asked.get("ping_interval", before.ping_seconds) or 0,
        pong_seconds=asked.get("ping_timeout", before.pong_seconds) or 0,
    )
    settings = SocketSettings(
        keepalive=keepalive,
        uplink=UplinkLimits(backlog_ms=BACKLOG_MS),
        user_agent=f"{PRODUCT} openai-agents",
        max_message_octets=min(asked.get("max_size") or MAX_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS),
    )
    seconds = asked.get("handshake_timeout")
    return settings if seconds is None else replace(settings, connect_seconds=seconds)
