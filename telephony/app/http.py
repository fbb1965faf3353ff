"""The web server: health for a load balancer, metrics, calls for people, webhooks of providers."""

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from telephony.app.call_record import CallRecord
from telephony.app.health import Health, Phase
from telephony.app.http_guard import HEALTH_PATH, guard
from telephony.app.switchboard import Switchboard
from telephony.app.transcript import transcript

__all__ = ["HttpServer"]

SWITCHBOARD: web.AppKey[Switchboard] = web.AppKey("switchboard", Switchboard)
REGISTRY: web.AppKey[CollectorRegistry] = web.AppKey("registry", CollectorRegistry)
HEALTH: web.AppKey[Health] = web.AppKey("health", Health)
CLOSE_SECONDS = 1.0
"""For an answer that is under way at the end."""


async def _health(request: web.Request) -> web.Response:
    """Say whether calls can be taken: 200, or 503 with the reason."""
    status = request.app[HEALTH].status()
    return web.json_response({"status": status}, status=200 if status == Phase.SERVING else 503)


async def _metrics(request: web.Request) -> web.Response:
    body = generate_latest(request.app[REGISTRY])
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _calls(request: web.Request) -> web.Response:
    """List the calls that are kept, newest last."""
    records = request.app[SWITCHBOARD].calls.values()
    listed = [
        {
            "call_id": one.call_id,
            "agent": one.agent.name if one.agent else None,
            "is_over": one.is_over,
            "events": len(one.events),
        }
        for one in records
    ]
    return web.json_response(listed)


async def _call(request: web.Request) -> web.Response:
    """Give one call's event log, a JSON object a line."""
    lines = "".join(event.model_dump_json() + "\n" for event in _record(request).events)
    return web.Response(text=lines, content_type="application/x-ndjson")


async def _transcript(request: web.Request) -> web.Response:
    """Give what was heard in one call: who said what, cut where it was interrupted."""
    said = transcript(_record(request).events)
    return web.json_response([one.model_dump() for one in said])


def _record(request: web.Request) -> CallRecord:
    record = request.app[SWITCHBOARD].calls.get(request.match_info["call_id"])
    if record is None:
        raise web.HTTPNotFound(text="no such call; GET /calls lists them\n")
    return record


class HttpServer:
    """The web server of one app.

    Args:
        switchboard: Whose calls are shown.
        registry: Whose metrics are shown.
        health: What is shown of the parts.
        token: What requests must show; None where only loopback is listened on.
        webhooks: By path, who takes what providers post there.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        registry: CollectorRegistry,
        health: Health,
        token: str | None = None,
        webhooks: Mapping[str, Handler] = MappingProxyType({}),
    ) -> None:
        """Lay out the routes."""
        app = web.Application(middlewares=[guard(token, webhooks)])
        app[HEALTH] = health
        app[SWITCHBOARD] = switchboard
        app[REGISTRY] = registry
        app.router.add_get(HEALTH_PATH, _health)
        app.router.add_get("/metrics", _metrics)
        app.router.add_get("/calls", _calls)
        app.router.add_get("/calls/{call_id}", _call)
        app.router.add_get("/calls/{call_id}/transcript", _transcript)
        for path, handler in webhooks.items():
            app.router.add_post(path, handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_SECONDS)

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 takes a free one.

        Returns:
            The address that is listened on.

        Raises:
            OSError: It is in use, or not ours.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0]
        return str(bound[0]), int(bound[1])

    async def stop(self) -> None:
        """Close."""
        await self._runner.cleanup()
