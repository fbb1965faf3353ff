"""What `[hosted.NAME]` leads to, and what `telephony check` says of it."""

from pathlib import Path

import pytest

from telephony.agent import Agent
from telephony.app.configured import configure
from telephony.app.hosted.checks import calls_url, hosted_api, hosted_faults, hosted_warnings
from telephony.app.hosted.servers import hosted_servers
from telephony.app.plans import VoiceServer
from telephony.config import Settings, load
from telephony.errors import ConfigurationError

ENVIRON = {"SECRET": "whsec_b2xk", "NEXT": "whsec_bmV3", "KEY": "sk"}
FILE = """
version = 1
[realtime.other]
url = "wss://other.example.com"
[realtime.main]
url = "wss://api.example.com/v1/realtime"
model = "talker"
dialect = "openai"
api_key = { env = "KEY" }
[hosted.shop]
secrets = [{ env = "SECRET" }, { env = "NEXT" }]
realtime = "main"
"""


def settings(tmp_path: Path, text: str = FILE, environ: dict[str, str] = ENVIRON) -> Settings:
    path = tmp_path / "telephony.toml"
    path.write_text(text)
    return load(path, environ, {})


@pytest.mark.parametrize(
    ("realtime", "calls"),
    [
        ("wss://api.example.com", "https://api.example.com/v1/realtime/calls"),
        ("wss://api.example.com/", "https://api.example.com/v1/realtime/calls"),
        ("wss://h:8443/openai/v1/realtime", "https://h:8443/openai/v1/realtime/calls"),
        ("ws://127.0.0.1:9/v1/realtime?model=m", "http://127.0.0.1:9/v1/realtime/calls"),
    ],
)
def test_the_calls_are_beside_the_sessions(realtime: str, calls: str) -> None:
    assert calls_url(realtime, "/v1/realtime") == calls


def test_the_api_is_beside_the_realtime_unless_it_is_named(tmp_path: Path) -> None:
    assert hosted_api(settings(tmp_path), "shop") == "https://api.example.com/v1/realtime/calls"
    named = settings(tmp_path, FILE + 'api = "http://127.0.0.1:9/calls"\n')
    assert hosted_api(named, "shop") == "http://127.0.0.1:9/calls"


def test_a_server_is_made_of_it(tmp_path: Path) -> None:
    voice = {
        "main": VoiceServer("wss://api.example.com/v1/realtime", (("Authorization", "Bearer sk"),))
    }
    made = hosted_servers(settings(tmp_path), voice, ENVIRON)["shop"]
    assert (made.realtime, made.path, made.keys) == (
        "main",
        "/webhooks/realtime",
        (b"old", b"new"),
    )


def test_what_is_right_has_no_faults(tmp_path: Path) -> None:
    assert list(hosted_faults(settings(tmp_path), ENVIRON)) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('realtime = "main"', "", ""),
        (
            'dialect = "openai"',
            'dialect = "xai"',
            "hosted.shop.realtime: is 'main', whose dialect 'xai' holds no calls; wanted one of the"
            " dialect generic, openai, azure",
        ),
    ],
)
def test_the_realtime_has_to_hold_calls(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    found = hosted_faults(settings(tmp_path, FILE.replace(before, after)), ENVIRON)
    assert list(found) == [fault] * bool(fault)


def test_without_any_realtime_there_is_no_provider(tmp_path: Path) -> None:
    text = 'version = 1\n[hosted.shop]\nsecrets = [{ env = "SECRET" }]\n'
    found = list(hosted_faults(settings(tmp_path, text), ENVIRON))
    assert found == ["hosted.shop: wanted the [realtime.NAME] of its provider as well"]


def test_a_malformed_secret_is_refused_at_load_by_the_name_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (ENVIRON | {"NEXT": "whsec_%%%"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        configure(settings(tmp_path), None, None)
    assert str(refused.value) == (
        "hosted.shop.secrets[1]: the secret is malformed, wanted whsec_ and base64 behind it"
    )


def test_an_absent_secret_is_refused_by_the_name_of_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"hosted\.shop\.secrets\[1\]: .*NEXT is not set"):
        settings(tmp_path, environ={"SECRET": "whsec_b2xk", "KEY": "sk"})


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('path = "calls"', "hosted.shop.path: .*wanted a path such as"),
        ('path = "/calls/x"', "hosted.shop.path: .*not the web server's own"),
        ('path = "/a/{b}"', "hosted.shop.path: .*wanted a path such as"),
        ('api = "wss://h/x"', "hosted.shop.api: .*wanted an http:// or https:// URL"),
        ('api = "https://u:p@h/x"', "hosted.shop.api: .*wanted no user or password"),
        ('api = "https://h/x?y=1"', "hosted.shop.api: .*without a query"),
        ('api = "https://[::1"', "hosted.shop.api: .*wanted an http:// or https:// URL"),
        ("[hosted.none]\nsecrets = []", "hosted.none.secrets: "),
        (
            '[hosted.two]\nsecrets = [{ env = "NEXT" }]',
            "hosted.two.path: is '/webhooks/realtime' for the second time",
        ),
        (
            '[hosted.two]\nsecrets = [{ env = "NEXT" }]\npath = "/two"\nrealtime = "nowhere"',
            "hosted.two.realtime: is 'nowhere', wanted one of main, other",
        ),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        settings(tmp_path, f"{FILE}{line}\n")


def test_what_nobody_reaches_and_who_cannot_answer_are_warned_of(tmp_path: Path) -> None:
    agents = [Agent("here"), Agent("there", realtime="other"), Agent("main", realtime="main")]
    assert list(hosted_warnings(settings(tmp_path), agents)) == [
        "hosted.shop: http.listen is 127.0.0.1:8080, which no provider reaches: a proxy has to"
        " pass on what comes to https://YOUR.HOST/webhooks/realtime, and nothing else: without"
        " http.token it opens the calls",
        "agent there: is on realtime other, so calls of hosted.shop, which are on main, are"
        " refused where it is to answer",
    ]
    shut = FILE.replace("[hosted", '[http]\ntoken = { env = "KEY" }\n[hosted')
    assert next(hosted_warnings(settings(tmp_path, shut), agents)).endswith("/webhooks/realtime")
    public = FILE.replace(
        "[hosted", '[http]\nlisten = "0.0.0.0:8080"\ntoken = { env = "KEY" }\n[hosted'
    )
    assert list(hosted_warnings(settings(tmp_path, public), agents[:1])) == []


def test_an_acceptance_without_a_model_is_warned_of(tmp_path: Path) -> None:
    unnamed = settings(tmp_path, FILE.replace('model = "talker"\n', ""))
    warning = (
        "realtime.main: model is not set, so calls of hosted.shop are accepted without one, which"
        " a provider may refuse"
    )
    assert warning in hosted_warnings(unnamed, [Agent("one", model="its own"), Agent("other")])
    assert warning not in hosted_warnings(unnamed, [Agent("one", model="its own")])
    assert warning not in hosted_warnings(settings(tmp_path), [Agent("other")])
