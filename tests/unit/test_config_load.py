"""Settings from file, environment and command line, and what is said of wrong ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from telephony.config import Settings, load
from telephony.config.tree import as_section, element
from telephony.errors import ConfigurationError

WHOLE = """
version = 1

[sip]
listen = ["udp:0.0.0.0:5060", "0.0.0.0:5061"]
advertise = "203.0.113.9"
rtp_ports = "20000-20999"

[http]
listen = "127.0.0.1:80"

[realtime.hosted]
url = "wss://voice.example.com/v1/realtime"
model = "large"
dialect = "openai"
format = "pcm"
turns = "server"
api_key = { env = "VOICE_KEY" }

[realtime.inhouse]
url = "ws://10.0.0.7:8000"
api_key = { file = "KEY_FILE" }

[media]
nat = true
media_networks = ["198.51.100.0/24"]

[limits]
calls = 10

[transfer]
allow = ["sip:*@pbx.example.com"]

[record]
directory = "recordings"

[[trunk]]
name = "carrier"
networks = ["192.0.2.0/24", "2001:db8::/32"]

[[line]]
number = "+15551234567"
agent = "reception"

[[line]]
number = "*"
agent = "billing"

[agent.reception]
instructions = "Be kind."
greeting = "Hello."
handoffs = ["billing"]
voice = "marin"
realtime = "hosted"

[agent.reception.transfers]
operator = "sip:200@pbx.example.com"

[agent.billing]
"""

KEY = {"VOICE_KEY": "s3cret", "HOME_KEY": "s3cret", "HTTP_TOKEN": "s3cret"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    key = tmp_path / "key"
    key.write_text("s3cret", encoding="utf-8")
    path = tmp_path / "telephony.toml"
    path.write_text(WHOLE.replace("KEY_FILE", str(key)), encoding="utf-8")
    return path


def read(
    tmp_path: Path,
    text: str,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    agents: tuple[str, ...] = (),
) -> Settings:
    """Load a text as a file that opens with its version."""
    path = tmp_path / "t.toml"
    path.write_text(f"version = 1\n{text}", encoding="utf-8")
    return load(path, environ or {}, overrides or {}, agents=agents)


def faults_of(
    tmp_path: Path,
    text: str,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> list[str]:
    """Give the lines of the error that a text makes, without the directory of its file."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text, environ, overrides)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_nothing_set_is_all_defaults_on_loopback() -> None:
    settings = load(None, {}, {})
    assert settings == Settings(version=1)
    assert {address.host for address in settings.sip.listen_addresses} == {"127.0.0.1"}
    assert settings.http.listen_address.host == "127.0.0.1"
    assert settings.transfer.allow == ()


def test_whole_file_is_read(file: Path) -> None:
    settings = load(file, KEY, {})
    assert settings.sip.advertise == "203.0.113.9"
    assert settings.realtime["hosted"].model == "large"
    assert settings.realtime["hosted"].api_key is not None
    assert settings.realtime["hosted"].api_key.env == "VOICE_KEY"
    assert settings.realtime["inhouse"].format == "leg"
    assert settings.media.nat
    assert settings.limits.calls == 10
    assert settings.trunk[0].networks == ("192.0.2.0/24", "2001:db8::/32")
    assert [(line.number, line.agent) for line in settings.line] == [
        ("+15551234567", "reception"),
        ("*", "billing"),
    ]
    assert settings.agent["reception"].transfers == {"operator": "sip:200@pbx.example.com"}
    assert settings.record.directory == Path("recordings")


def test_environment_comes_before_the_file_and_the_command_line_before_both(file: Path) -> None:
    environ = KEY | {"TELEPHONY_LIMITS__CALLS": "20", "TELEPHONY_LIMITS__RING_S": "12.5"}
    settings = load(file, environ, {"limits.calls": 30})
    assert settings.limits.calls == 30
    assert settings.limits.ring_s == 12.5
    assert load(file, environ, {}).limits.calls == 20


@pytest.mark.parametrize(
    ("variable", "text", "wanted"),
    [
        ("SIP__ADVERTISE", "192.0.2.1", "192.0.2.1"),
        ("SIP__LISTEN", "udp:h:0, tcp:h:0", ("udp:h:0", "tcp:h:0")),
        ("SIP__LISTEN", '["127.0.0.1:0"]', ("127.0.0.1:0",)),
        ("MEDIA__NAT", "false", False),
        ("REALTIME__HOSTED__MODEL", "small", "small"),
        ("REALTIME__NEW__URL", "ws://x", "ws://x"),
        ("REALTIME__HOSTED__API_KEY", '{env = "HOME_KEY"}', {"env": "HOME_KEY", "file": None}),
        ("LINE__0__NUMBER", "1555", "1555"),
        ("LINE__1", '{number = "9", agent = "billing"}', {"number": "9", "agent": "billing"}),
        ("LINE__2", '{number = "9", agent = "billing"}', {"number": "9", "agent": "billing"}),
        ("AGENT__BILLING__GREETING", "123", "123"),
    ],
)
def test_each_key_has_a_twin_in_the_environment(
    file: Path, variable: str, text: str, wanted: object
) -> None:
    node: Any = load(file, KEY | {f"TELEPHONY_{variable}": text}, {}).model_dump()
    for step in variable.lower().split("__"):
        node = node[int(step) if step.isdigit() else step]
    assert node == wanted


def test_twin_finds_a_name_of_the_file_in_capitals(tmp_path: Path) -> None:
    settings = read(
        tmp_path, "[agent.Front-Desk]", {"TELEPHONY_AGENT__FRONT_DESK__GREETING": "Hi."}
    )
    assert settings.agent["Front-Desk"].greeting == "Hi."
    assert settings.agent.keys() == {"Front-Desk"}


def test_twin_makes_a_list_of_tables_from_nothing() -> None:
    environ = {
        "TELEPHONY_LINE__0__NUMBER": "1",
        "TELEPHONY_LINE__0__AGENT": "a",
        "TELEPHONY_LINE__1__AGENT": "a",
        "TELEPHONY_LINE__1__NUMBER": "2",
    }
    assert [line.number for line in load(None, environ, {}, agents=("a",)).line] == ["1", "2"]


def test_variables_that_others_make_are_not_ours() -> None:
    kubernetes = {
        "TELEPHONY_SERVICE_HOST": "10.0.0.1",
        "TELEPHONY_PORT_8080_TCP_ADDR": "10.0.0.1",
        "MY_TELEPHONY_SIP__LISTEN": "x",
    }
    assert load(None, kubernetes, {}) == Settings(version=1)


@pytest.mark.parametrize(
    "name",
    [
        "SIP__LISTENING",
        "SIP__LISTEN__0",
        "PBX__HOST",
        "LINE__1__NUMBER",
        "LINE__X__NUMBER",
        "LINE__99999999__NUMBER",
        "MEDIA__NAT__MORE",
        "__SIP",
        "SIP__",
        "AGENT__A__TRANSFERS__OPERATOR__MORE",
    ],
)
def test_unknown_twin_is_an_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^environment TELEPHONY_{name}: no such key$"):
        load(None, {f"TELEPHONY_{name}": "1"}, {})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[sip]\nlisen = []",
            "t.toml: sip.lisen: is unknown, wanted one of listen, advertise, rtp_ports",
        ),
        (
            "[pbx]",
            "t.toml: pbx: is unknown, wanted one of version, sip, http, realtime, hosted, store,"
            " media, limits, transfer, record, trunk, line, agent",
        ),
        ('[limits]\ncalls = "many"', "t.toml: limits.calls: is 'many', wanted a whole number"),
        ("[limits]\ncalls = 1.5", "t.toml: limits.calls: is 1.5, wanted a whole number"),
        ("[limits]\ncalls = 0", "t.toml: limits.calls: is 0, wanted at least 1"),
        ("[limits]\ncalls = 1000000", "t.toml: limits.calls: is 1000000, wanted at most 100000"),
        ("[limits]\nring_s = 0", "t.toml: limits.ring_s: is 0, wanted more than 0.0"),
        ("[limits]\nring_s = []", "t.toml: limits.ring_s: is [], wanted a number"),
        ("[media]\nnat = 7", "t.toml: media.nat: is 7, wanted true or false"),
        ("[record]\ndirectory = 7", "t.toml: record.directory: is 7, wanted text"),
        ("[sip]\nlisten = []", "t.toml: sip.listen: is [], wanted at least 1 of them"),
        ("[sip]\nlisten = 5060", 't.toml: sip.listen: is 5060, wanted a list, such as ["..."]'),
        (
            '[sip]\nlisten = "5060"',
            "t.toml: sip.listen[0]: is '5060',"
            ' wanted "HOST:PORT", "udp:HOST:PORT" or "tcp:HOST:PORT"',
        ),
        (
            '[sip]\nlisten = ["5060"]',
            "t.toml: sip.listen[0]: is '5060',"
            ' wanted "HOST:PORT", "udp:HOST:PORT" or "tcp:HOST:PORT"',
        ),
        ('sip = "x"', "t.toml: sip: is 'x', wanted a table"),
        ("agent = 1", "t.toml: agent: is 1, wanted a table"),
        ("line = 1", "t.toml: line: is 1, wanted tables that open with [[line]]"),
        (
            "[realtime.x]",
            "t.toml: realtime.x.url: is missing: Where it listens: a `ws://` or `wss://` URL.",
        ),
        (
            '[realtime.x]\nurl = "ws://h"\nturns = "ours"',
            "t.toml: realtime.x.turns: is 'ours', wanted 'server'",
        ),
        (
            '[agent."a b"]',
            "t.toml: agent.a b: is 'a b', wanted a name of letters, digits, _ and -, at most 52",
        ),
        ('[[line]]\nagent = "a"\nnumber = 7', "t.toml: line[0].number: is 7, wanted text"),
        (
            '[[line]]\nagent = "a"\nnumber = "+1 555"',
            "t.toml: line[0].number: is '+1 555', wanted a number or name as it is dialled, such as"
            ' "+15551234567", "+1555*" for all that begin so, or "*" for any',
        ),
    ],
)
def test_fault_names_file_key_value_seen_and_value_wanted(
    tmp_path: Path, text: str, fault: str
) -> None:
    assert faults_of(tmp_path, text) == [fault]


VALUES = (
    '"x"', '""', "1", "1.5", "nan", "inf", "true", "[]", "{}", "[1]", "[[1]]", "{a = {}}",
    "2020-01-01", "99999999999999999999999",
)  # fmt: skip


def test_any_value_of_any_key_is_read_or_described(tmp_path: Path) -> None:
    for name, about in Settings.model_fields.items():
        kind, inner = element(about.annotation)
        section = as_section(inner) or as_section(about.annotation)
        texts = [f"{name} = {value}" for value in VALUES if name != "version"]
        if section is not None:
            head = {"table": f"[{name}.x]", "list": f"[[{name}]]", None: f"[{name}]"}[kind]
            texts += [
                f"{head}\n{key} = {value}" for key in section.model_fields for value in VALUES
            ]
        for text in texts:
            try:
                settings = read(tmp_path, text)
            except ConfigurationError as error:
                lines = str(error).splitlines()
                unnamed = [line for line in lines if name not in line]
                assert lines, text
                assert not unnamed, text
            else:
                assert settings.version == 1


def test_several_faults_are_several_lines(tmp_path: Path) -> None:
    environ = {"TELEPHONY_LIMITS__CALLS": "x", "TELEPHONY_LIMITS__CALL": "1"}
    faults = faults_of(tmp_path, "[sip]\nadvertise = 'a'", environ, {"http.listen": "?"})
    assert [fault.partition(",")[0] for fault in faults] == [
        "environment TELEPHONY_LIMITS__CALL: no such key",
        "t.toml: sip.advertise: is 'a'",
        "command line: http.listen: is '?'",
        "environment TELEPHONY_LIMITS__CALLS: limits.calls: is 'x'",
    ]


@pytest.mark.parametrize(
    "secret",
    [
        'api_key = "sk-4711"',
        'api_key = { env = "sk-4711" }',
        'api_key = { value = "sk-4711" }',
        'api_key = { env = "A", file = "sk-4711" }',
        "api_key = {}",
        'key = "sk-4711"',
        'url = "wss://me:sk-4711@voice.example.com"',
    ],
)
def test_secret_in_plain_text_is_an_error_that_does_not_repeat_it(
    tmp_path: Path, secret: str
) -> None:
    url = "" if secret.startswith("url") else 'url = "wss://h"\n'
    faults = faults_of(tmp_path, f"[realtime.x]\n{url}{secret}")
    assert faults
    assert "4711" not in "\n".join(faults)


def test_plain_secret_is_told_its_two_forms(tmp_path: Path) -> None:
    assert faults_of(tmp_path, '[realtime.x]\nurl = "wss://h"\napi_key = "sk"') == [
        't.toml: realtime.x.api_key: wanted {env = "NAME"} or {file = "PATH"}'
    ]


def test_long_value_is_shown_in_part(tmp_path: Path) -> None:
    assert faults_of(tmp_path, f"[sip]\nadvertise = '{'9' * 500}'") == [
        f"t.toml: sip.advertise: is '{'9' * 79}..., wanted an IP address"
    ]


def test_names_must_lead_somewhere(tmp_path: Path) -> None:
    text = """
    [[line]]
    number = "1"
    agent = "nobody"
    [[line]]
    number = "1"
    agent = "a"
    [agent.a]
    handoffs = ["a", "b"]
    realtime = "hosted"
    """
    assert faults_of(tmp_path, text) == [
        "t.toml: line[0].agent: is 'nobody', wanted one of a",
        "t.toml: agent.a.realtime: is 'hosted', wanted one of those declared: there are none",
        "t.toml: agent.a.handoffs[1]: is 'b', wanted one of a",
        "t.toml: line[1].number: is '1' for the second time",
    ]


def test_an_address_to_tell_is_needed_where_every_one_is_listened_on(tmp_path: Path) -> None:
    for listen, host in (("0.0.0.0:5060", "0.0.0.0"), ("udp:[::]:5060", "::")):  # noqa: S104
        assert faults_of(tmp_path, f'[sip]\nlisten = ["{listen}"]') == [
            "t.toml: sip.advertise: is missing, wanted the IP address that phones reach this"
            f" machine by: sip.listen is {host}, every address it has"
        ]
    assert read(tmp_path, '[sip]\nlisten = ["pbx.example.com:5060"]').sip.advertise is None


def test_a_single_address_to_listen_on_needs_no_list(tmp_path: Path) -> None:
    alone = read(tmp_path, '[sip]\nlisten = "192.0.2.1:5060"')
    assert alone == read(tmp_path, '[sip]\nlisten = ["192.0.2.1:5060"]')
    assert alone.sip.listen == ("192.0.2.1:5060",)


def test_targets_must_be_allowed(tmp_path: Path) -> None:
    text = """
    [agent.a.transfers]
    desk = "sip:1@pbx.test"
    boss = "sip:2@home.test"
    [realtime.main]
    url = "ws://model.test"
    on_failure = "sip:3@home.test"
    """
    assert faults_of(tmp_path, text + '[transfer]\nallow = ["sip:*@pbx.test"]') == [
        "t.toml: realtime.main.on_failure: is 'sip:3@home.test', wanted one that transfer.allow"
        " (sip:*@pbx.test) lets through",
        "t.toml: agent.a.transfers.boss: is 'sip:2@home.test', wanted one that transfer.allow"
        " (sip:*@pbx.test) lets through",
    ]
    assert "transfer.allow (empty)" in faults_of(tmp_path, text)[0]
    allowed = '[transfer]\nallow = ["sip:*@pbx.test", "sip:*@home.test"]'
    assert read(tmp_path, text + allowed).realtime["main"].on_failure == "sip:3@home.test"


def test_secrets_must_be_there(tmp_path: Path) -> None:
    text = f"""
    [realtime.main]
    url = "wss://model.test"
    api_key = {{ env = "VOICE_KEY" }}
    [realtime.other]
    url = "wss://model.test"
    api_key = {{ file = "{tmp_path}/absent" }}
    """
    assert faults_of(tmp_path, text) == [
        "t.toml: realtime.main.api_key: environment variable VOICE_KEY is not set, or empty",
        "t.toml: realtime.other.api_key: secret file absent: No such file or directory",
    ]
    (tmp_path / "absent").write_text("s3cret")
    assert read(tmp_path, text, {"VOICE_KEY": "s3cret"}).realtime["main"].api_key is not None


def test_names_may_lead_to_agents_of_python(tmp_path: Path) -> None:
    text = '[[line]]\nnumber = "1"\nagent = "coded"'
    assert read(tmp_path, text, agents=("coded",)).line[0].agent == "coded"


def test_version_opens_every_file(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"old.toml: version: is missing"):
        load(path, {}, {})
    path.write_text("version = 2", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"old.toml: version: is 2, wanted 1"):
        load(path, {}, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version = ", "is not TOML: Invalid value"),
        (b"\xff", "is not TOML: 'utf-8' codec"),
        (b"a = " + b"[" * 5000, "is not TOML: "),
        (b"#" * 1_048_577, "is larger than 1048576 octets"),
    ],
)
def test_file_that_is_no_toml_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        load(path, {}, {})


def test_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.toml: No such file or directory"):
        load(tmp_path / "none.toml", {}, {})
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load(tmp_path, {}, {})


def test_twin_under_a_wrong_shape_leaves_the_shape_to_be_complained_of(tmp_path: Path) -> None:
    environ = {"TELEPHONY_SIP__ADVERTISE": "192.0.2.1", "TELEPHONY_LINE__0__NUMBER": "1"}
    assert [
        fault.partition(",")[0] for fault in faults_of(tmp_path, "sip = 1\nline = 2", environ)
    ] == [
        "t.toml: sip: is 1",
        "t.toml: line: is 2",
    ]


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "phone.example:80"])
def test_http_beyond_this_machine_needs_a_token(tmp_path: Path, listen: str) -> None:
    wanted = f"http.listen: is '{listen}', wanted http.token = {{env = "
    text = f'[http]\nlisten = "{listen}"\n'
    (fault,) = faults_of(tmp_path, text)
    assert fault.startswith(f"t.toml: {wanted}")
    (fault,) = faults_of(tmp_path, "", {}, {"http.listen": listen})
    assert fault.startswith(f"command line: {wanted}")
    known = read(tmp_path, text + 'token = {env = "KNOWN"}', {"KNOWN": "x"})
    assert known.http.listen == listen
