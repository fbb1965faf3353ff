"""Makes of each `[hosted.NAME]` what its calls are taken in by."""

from collections.abc import Mapping
from functools import partial

from telephony.app.hosted.calls_api import CallsApi
from telephony.app.hosted.checks import hosted_api, hosted_realtime
from telephony.app.hosted.intake import HostedServer
from telephony.app.hosted.signature import signing_key
from telephony.app.plans import VoiceServer
from telephony.config import Settings
from telephony.realtime import profile_of, session_url

__all__ = ["hosted_servers"]


def hosted_servers(
    settings: Settings, voice: Mapping[str, VoiceServer], environ: Mapping[str, str]
) -> dict[str, HostedServer]:
    """Make them all, by name.

    Args:
        settings: Checked.
        voice: The realtime servers, with their keys.
        environ: The process's environment, for secrets.

    Raises:
        ConfigurationError: A secret is absent, or malformed.
    """
    made: dict[str, HostedServer] = {}
    for name, hosted in settings.hosted.items():
        realtime = hosted_realtime(settings, name)
        api = CallsApi(
            hosted_api(settings, name),
            voice[realtime].headers,
            partial(_session_of, voice[realtime]),
        )
        keys = tuple(signing_key(secret.read(environ)) for secret in hosted.secrets)
        made[name] = HostedServer(realtime, hosted.path, keys, api)
    return made


def _session_of(server: VoiceServer, hosted_id: str) -> str:
    path = profile_of(server.dialect).path
    return session_url(server.url, None, path, attach_to=hosted_id)
