"""The settings of `telephony.toml`: one tree, read from file, environment and command line."""

from telephony.config.hosted import HostedSettings, StoreSettings
from telephony.config.hosts import is_loopback
from telephony.config.load import ENVIRONMENT_PREFIX, load
from telephony.config.reference import json_schema, reference_markdown
from telephony.config.secret import SecretReference
from telephony.config.settings import (
    LINE_NUMBER,
    AgentSettings,
    HttpSettings,
    LimitSettings,
    LineSettings,
    ListenAddress,
    MediaSettings,
    RealtimeSettings,
    RecordSettings,
    Settings,
    SipSettings,
    TransferSettings,
    TrunkSettings,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "LINE_NUMBER",
    "AgentSettings",
    "HostedSettings",
    "HttpSettings",
    "LimitSettings",
    "LineSettings",
    "ListenAddress",
    "MediaSettings",
    "RealtimeSettings",
    "RecordSettings",
    "SecretReference",
    "Settings",
    "SipSettings",
    "StoreSettings",
    "TransferSettings",
    "TrunkSettings",
    "is_loopback",
    "json_schema",
    "load",
    "reference_markdown",
]
