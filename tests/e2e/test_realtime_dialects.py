"""A dialect of the settings, from the file to the octets that a server reads."""

import json

import pytest

from telephony.agent import Agent
from telephony.app.configured import configure
from telephony.call.session_settings import session_settings
from telephony.config import load
from telephony.voice import Configure, VoiceFormat
from tests.support.realtime_rig import Rig, run

ENVIRON = {"KEY": "sk-test"}


@pytest.mark.parametrize(
    ("dialect", "path", "shown", "field"),
    [
        ("generic", "/?model=m", ("Authorization", "Bearer sk-test"), "type"),
        ("azure", "/openai/v1/realtime?model=m", ("api-key", "sk-test"), "type"),
        ("xai", "/v1/realtime?model=m", ("Authorization", "Bearer sk-test"), "voice"),
        ("speaches", "/v1/realtime?model=m", ("Authorization", "Bearer sk-test"), "modalities"),
    ],
)
def test_a_server_is_met_in_its_own_dialect(
    dialect: str, path: str, shown: tuple[str, str], field: str
) -> None:
    async def story(rig: Rig) -> None:
        server = {
            "url": rig.peer.url.removesuffix("/v1/realtime"),
            "model": "m",
            "dialect": dialect,
            "api_key": {"env": "KEY"},
        }
        overrides = {f"realtime.cloud.{name}": value for name, value in server.items()}
        configured = configure(load(None, ENVIRON, overrides), None, None)
        plan = configured.plans(None, ENVIRON).plan(Agent("reception", voice="ara"), {})
        link = await rig.link(plan)
        link.tell(Configure(session_settings(plan, VoiceFormat.PCMU)))
        update = json.loads((await rig.peer.read(1))[0])
        assert rig.request.path == path
        assert rig.request.headers[shown[0]] == shown[1]
        assert (update["type"], field in update["session"]) == ("session.update", True)

    run(story)
