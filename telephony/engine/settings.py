"""What an engine process is told at its start, as JSON on its standard input."""

from pydantic import BaseModel, ConfigDict

__all__ = ["EngineSettings", "SipListen"]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SipListen(_Settings):
    """One socket for SIP."""

    transport: str
    """"UDP" or "TCP"."""
    host: str
    """Numeric."""
    port: int
    """0 takes a free one."""


class EngineSettings(_Settings):
    """One engine."""

    engine_id: str
    """Begins every id that the engine mints."""
    sip: tuple[SipListen, ...]
    advertise: str | None = None
    """Address that stands in Via, Contact and SDP where it differs from the socket's."""
    rtp_ports: tuple[int, int] = (16384, 32767)
    allowed_sources: tuple[str, ...] = ()
    """Networks whose INVITEs are let in; loopback always is."""
    max_calls: int = 300
    ring_seconds: float = 180
    """How long a call of ours may ring."""
    routing_seconds: float = 10
    grant_seconds: float = 3
    grant_limit_seconds: float = 10
    words_seconds: float = 15
    max_call_seconds: int = 4 * 3600
    is_nat: bool = False
    media_networks: tuple[str, ...] = ()
    far_buffer_ms: int = 40
    reorder_wait_ms: int = 60
    starvation_ms: int = 400
    starvation_dtx_ms: int = 100
    connect_seconds: float = 5
    """For the WebSocket to the voice model to open."""
    user_agent: str = "telephony"
    realtime_priority: int = 0
    """SCHED_FIFO priority, 1 to 99, where the system allows it; 0 leaves the scheduler alone."""
    accepts_refer: bool = False
    """Whether far ends may send those calls elsewhere that were placed so; others never may."""
