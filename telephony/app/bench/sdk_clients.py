"""The clients of openai-agents in `bench realtime`: its model alone, and its session around it.

Run as `python -m telephony.app.bench.sdk_clients` where that package is installed; it takes
commands until standard input closes. It is a process of its own, as the import alone takes seconds.
"""

import asyncio
from importlib import import_module
from typing import Any

from telephony.app.bench.measured_client import (
    AUDIO,
    BURST,
    MeasuredClient,
    MeasuredClients,
    serve_clients,
)

__all__ = ["SdkModelClient", "SdkSessionClient", "main"]

CONNECT_SECONDS = 10.0
MODEL_SETTINGS = {
    "audio": {
        "input": {"format": {"type": "audio/pcmu"}},
        "output": {"format": {"type": "audio/pcmu"}},
    }
}
"""What our own client asks for, too."""


class SdkModelClient(MeasuredClient):
    """`OpenAIRealtimeWebSocketModel`, with a listener that only counts."""

    def __init__(self) -> None:
        """Begin without a connection."""
        super().__init__()
        self._inputs: Any = import_module("agents.realtime.model_inputs")
        self._model: Any = import_module(
            "agents.realtime.openai_realtime"
        ).OpenAIRealtimeWebSocketModel()
        self._is_granted = asyncio.Event()
        self._is_free = asyncio.Event()
        self._is_free.set()

    async def connect(self, url: str) -> None:
        """Connect, and wait for the grant."""
        self._model.add_listener(self)
        await self._model.connect(
            {"url": url, "api_key": "none", "initial_model_settings": MODEL_SETTINGS}
        )
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._is_granted.wait()

    async def on_event(self, event: Any) -> None:
        """Take an event of the model."""
        if event.type == "audio":
            self.meter.note()
        elif event.type == "turn_ended":
            self._is_free.set()
        elif event.type == "raw_server_event":
            if event.data.get("type") == "session.updated":
                self._is_granted.set()
        elif event.type in ("error", "exception"):
            raise RuntimeError(f"the SDK's model failed: {event}")

    async def ask(self) -> None:
        """Say something, which asks for a response."""
        await self._is_free.wait()
        self._is_free.clear()
        await self._model.send_event(self._inputs.RealtimeModelSendUserInput(user_input="Go on."))

    async def append_burst(self) -> None:
        """Append, as its session does."""
        send_event, event = self._model.send_event, self._inputs.RealtimeModelSendAudio
        for _ in range(BURST):
            await send_event(event(audio=AUDIO))

    async def close(self) -> None:
        """Hang up."""
        await self._model.close()


class SdkSessionClient(MeasuredClient):
    """`RealtimeSession` of that package, as its users have it, with a loop that only counts."""

    def __init__(self) -> None:
        """Begin without a connection."""
        super().__init__()
        realtime: Any = import_module("agents.realtime")
        agent = realtime.RealtimeAgent(name="bench", instructions="Speak.")
        config = {"model_settings": MODEL_SETTINGS, "tracing_disabled": True}
        self._runner: Any = realtime.RealtimeRunner(agent, config=config)
        self._session: Any = None
        self._listening: asyncio.Task[None] | None = None
        self._is_granted = asyncio.Event()
        self._is_free = asyncio.Event()
        self._is_free.set()

    async def connect(self, url: str) -> None:
        """Connect, and wait for the grant."""
        self._session = await self._runner.run(model_config={"url": url, "api_key": "none"})
        await self._session.enter()
        self._listening = asyncio.get_running_loop().create_task(self._listen())
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._is_granted.wait()

    async def _listen(self) -> None:
        async for event in self._session:
            if event.type == "audio":
                self.meter.note()
            elif event.type == "raw_model_event":
                self._note_raw(event.data)
            elif event.type == "error":
                raise RuntimeError(f"the SDK's session failed: {event.error}")

    def _note_raw(self, event: Any) -> None:
        if event.type == "turn_ended":
            self._is_free.set()
        elif event.type == "raw_server_event" and event.data.get("type") == "session.updated":
            self._is_granted.set()

    async def ask(self) -> None:
        """Say something, which asks for a response."""
        await self._is_free.wait()
        self._is_free.clear()
        await self._session.send_message("Go on.")

    async def append_burst(self) -> None:
        """Append."""
        send_audio = self._session.send_audio
        for _ in range(BURST):
            await send_audio(AUDIO)

    async def close(self) -> None:
        """Hang up."""
        if self._listening is not None:
            self._listening.cancel()
            await self._session.close()


def _clients() -> MeasuredClients:
    return MeasuredClients({"sdk_model": SdkModelClient(), "sdk_session": SdkSessionClient()})


def main() -> None:
    """Measure as told until standard input closes."""
    asyncio.run(serve_clients(_clients))


if __name__ == "__main__":
    main()
