"""Bare TCP peers on loopback: they do what a test says, and nothing else."""

import asyncio
import socket
from contextlib import ExitStack

__all__ = ["TcpPeer", "TcpPeers"]

WAIT_SECONDS = 5.0


class TcpPeer:
    """One end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def read(self, octets: int) -> bytes:
        """Read exactly so many octets; fewer where the connection ends before."""
        got = b""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(got) < octets:
                data = await self._loop.sock_recv(self._socket, octets - len(got))
                if not data:
                    break
                got += data
        return got

    async def rest(self) -> bytes:
        """Read to the end, which has to come."""
        got = b""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while data := await self._loop.sock_recv(self._socket, 65_536):
                    got += data
        except ConnectionResetError:
            pass
        return got

    def close(self) -> None:
        self._socket.close()


class TcpPeers:
    """Makes peers, and closes them all in the end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> "TcpPeers":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _socket(self, host: str) -> socket.socket:
        sock = self._stack.enter_context(socket.socket())
        sock.setblocking(False)
        sock.bind((host, 0))
        return sock

    async def connect(self, where: tuple[str, int], host: str = "127.0.0.1") -> TcpPeer:
        """Connect from a host."""
        sock = self._socket(host)
        async with asyncio.timeout(WAIT_SECONDS):
            await self._loop.sock_connect(sock, where)
        return TcpPeer(sock)

    def listen(self, host: str) -> socket.socket:
        """Listen on a free port."""
        sock = self._socket(host)
        sock.listen()
        return sock

    async def accept(self, listener: socket.socket) -> TcpPeer:
        """Take the next connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            sock, _ = await self._loop.sock_accept(listener)
        self._stack.enter_context(sock)
        return TcpPeer(sock)

    def deserted(self, host: str) -> tuple[str, int]:
        """Give a place that nobody listens at, and that nobody else gets meanwhile."""
        host, port = self._socket(host).getsockname()
        return host, port
