"""A user-space UDP relay that loses, delays, jitters, reorders and duplicates by seed.

    python -m tests.support.relay --listen 127.0.0.1:0 --forward 127.0.0.1:5060 --seed 1 --loss 0.05

Every client gets a socket of its own towards the server, so that the server tells them apart and
answers find their way back. `--pair` relays the next higher port too (RTP and RTCP). `--sip` makes
it a relay of calls: it passes the SIP messages unharmed, puts itself in the path of each call's RTP
and RTCP by editing the SDP, and impairs those.

It prints one JSON line with the address it listens on, answers the line `counts` on its standard
input with the counts of both directions, and ends when its standard input closes.
"""

import argparse
import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

from tests.support.child import Child
from tests.support.netem import Counts, Impairments, NetworkEmulator
from tests.support.ports import LOOPBACK, bind_even_pair
from tests.support.sip_rewrite import Address, is_message, relayed

MAX_DATAGRAM = 65_536
MAX_DATAGRAMS_A_TURN = 64
TOWARD_SERVER, TOWARD_CLIENT = "toward_server", "toward_client"


@dataclass(slots=True)
class Pipe:
    """One direction of one flow: an emulated link that ends in a socket and a destination."""

    link: NetworkEmulator
    out: socket.socket
    destination: Address | None = None

    def carry(self, now_ns: int) -> None:
        """Send what is due; what has no destination yet, or is refused, is gone."""
        for packet in self.link.pop_due(now_ns):
            if self.destination is None:
                continue
            try:
                self.out.sendto(packet, self.destination)
            except OSError:
                continue


class RelayLoop:
    """Sockets, pipes and timers of all flows, in one thread."""

    def __init__(self, impairments: Impairments, seed: int) -> None:
        self._impairments = impairments
        self._seed = seed
        self._selector = selectors.DefaultSelector()
        self._pipes: list[tuple[str, Pipe]] = []
        self._is_ended = False

    def add_pipe(
        self, direction: str, out: socket.socket, destination: Address | None = None
    ) -> Pipe:
        """Add one direction of a flow; its seed follows from the order in which flows appear."""
        link = NetworkEmulator(self._impairments, f"{self._seed}/{len(self._pipes)}")
        pipe = Pipe(link, out, destination)
        self._pipes.append((direction, pipe))
        return pipe

    def on_datagram(self, source: socket.socket, handle: Callable[[bytes, Address], None]) -> None:
        """Call `handle` with each datagram that arrives at `source`, and its sender."""
        source.setblocking(False)

        def read() -> None:
            for _ in range(MAX_DATAGRAMS_A_TURN):
                try:
                    data, sender = source.recvfrom(MAX_DATAGRAM)
                except BlockingIOError:
                    return
                except OSError:
                    continue
                handle(data, sender)

        self._selector.register(source, selectors.EVENT_READ, read)

    def push(self, pipe: Pipe, data: bytes) -> None:
        """Put one datagram into a pipe, now."""
        now_ns = time.monotonic_ns()
        pipe.link.push(data, now_ns)
        pipe.carry(now_ns)

    def counts(self) -> dict[str, Counts]:
        """Sum what became of the packets of each direction."""
        total = {TOWARD_SERVER: Counts(), TOWARD_CLIENT: Counts()}
        for direction, pipe in self._pipes:
            total[direction] += pipe.link.counts
        return total

    def run(self) -> None:
        """Relay, and obey the standard input, until it closes."""
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._obey)
        while not self._is_ended:
            for key, _ in self._selector.select(self._timeout_seconds()):
                key.data()
            now_ns = time.monotonic_ns()
            for _, pipe in self._pipes:
                pipe.carry(now_ns)

    def _timeout_seconds(self) -> float | None:
        deadlines = [pipe.link.next_deadline() for _, pipe in self._pipes]
        waiting = [deadline for deadline in deadlines if deadline is not None]
        return max(0.0, (min(waiting) - time.monotonic_ns()) / 1e9) if waiting else None

    def _obey(self) -> None:
        text = os.read(sys.stdin.fileno(), 4096)
        self._is_ended = not text
        for _ in range(text.count(b"counts")):
            counts = {direction: asdict(count) for direction, count in self.counts().items()}
            print(json.dumps(counts), flush=True)


class PortRelay:
    """Relays one listening port to one server port, a socket towards the server for each client."""

    def __init__(self, loop: RelayLoop, listening: socket.socket, forward: Address) -> None:
        self._loop = loop
        self._listening = listening
        self._forward = forward
        self._flows: dict[Address, Pipe] = {}
        loop.on_datagram(listening, self._from_client)

    def _from_client(self, data: bytes, client: Address) -> None:
        flow = self._flows.get(client)
        if flow is None:
            flow = self._flows[client] = self._open(client)
        self._loop.push(flow, data)

    def _open(self, client: Address) -> Pipe:
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        upstream.bind((self._forward[0], 0))
        back = self._loop.add_pipe(TOWARD_CLIENT, self._listening, client)
        self._loop.on_datagram(upstream, lambda data, _: self._loop.push(back, data))
        return self._loop.add_pipe(TOWARD_SERVER, upstream, self._forward)


@dataclass(slots=True)
class MediaFlow:
    """The RTP and RTCP of one call, both directions."""

    client_side: tuple[socket.socket, socket.socket] = field(default_factory=bind_even_pair)
    server_side: tuple[socket.socket, socket.socket] = field(default_factory=bind_even_pair)
    toward_server: list[Pipe] = field(default_factory=list[Pipe])
    toward_client: list[Pipe] = field(default_factory=list[Pipe])


class CallRelay:
    """Relays SIP over UDP to one server unharmed, and the media of its calls impaired."""

    def __init__(self, loop: RelayLoop, listening: socket.socket, forward: Address) -> None:
        self._loop = loop
        self._listening = listening
        self._forward = forward
        self._upstream: dict[Address, socket.socket] = {}
        self._media: dict[str, MediaFlow] = {}
        loop.on_datagram(listening, self._from_client)

    def _from_client(self, data: bytes, client: Address) -> None:
        upstream = self._upstream.get(client)
        if upstream is None:
            upstream = self._upstream[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            upstream.bind((self._forward[0], 0))
            self._loop.on_datagram(upstream, lambda data, _: self._from_server(data, client))
        self._pass(data, upstream, self._forward, self._media_for_server)

    def _from_server(self, data: bytes, client: Address) -> None:
        self._pass(data, self._listening, client, self._media_for_client)

    def _pass(
        self,
        data: bytes,
        out: socket.socket,
        next_hop: Address,
        media: Callable[[str, Address], Address],
    ) -> None:
        if is_message(data):
            own: Address = out.getsockname()
            data = relayed(data, own=own, next_hop=next_hop, media=media)
        out.sendto(data, next_hop)

    def _media_for_server(self, call_id: str, client_media: Address) -> Address:
        flow = self._flow(call_id)
        _aim(flow.toward_client, client_media)
        return _address(flow.server_side[0])

    def _media_for_client(self, call_id: str, server_media: Address) -> Address:
        flow = self._flow(call_id)
        _aim(flow.toward_server, server_media)
        return _address(flow.client_side[0])

    def _flow(self, call_id: str) -> MediaFlow:
        flow = self._media.get(call_id)
        if flow is None:
            flow = self._media[call_id] = MediaFlow()
            for client_side, server_side in zip(flow.client_side, flow.server_side, strict=True):
                up = self._loop.add_pipe(TOWARD_SERVER, server_side)
                down = self._loop.add_pipe(TOWARD_CLIENT, client_side)
                flow.toward_server.append(up)
                flow.toward_client.append(down)
                self._loop.on_datagram(client_side, self._pusher(up))
                self._loop.on_datagram(server_side, self._pusher(down))
        return flow

    def _pusher(self, pipe: Pipe) -> Callable[[bytes, Address], None]:
        return lambda data, _: self._loop.push(pipe, data)


def _aim(pipes: Iterable[Pipe], rtp: Address) -> None:
    """Direct the RTP pipe to an address, and the RTCP pipe to the port above it."""
    for offset, pipe in enumerate(pipes):
        pipe.destination = (rtp[0], rtp[1] + offset)


def _address(bound: socket.socket) -> Address:
    address: Address = bound.getsockname()
    return address


class Relay(Child):
    """The relay as a child process; `address` is where it listens.

    Args:
        forward: Host and port that it relays to.
        impairments: What it does to the packets.
        seed: Decides every loss and delay.
        mode: "port" relays one UDP port, "pair" that and the next, "sip" calls with their media.
    """

    def __init__(
        self, forward: Address, impairments: Impairments, *, seed: int = 1, mode: str = "port"
    ) -> None:
        arguments = [sys.executable, "-m", "tests.support.relay", "--seed", str(seed)]
        arguments += ["--listen", f"{LOOPBACK}:0", "--forward", f"{forward[0]}:{forward[1]}"]
        for name, value in asdict(impairments).items():
            arguments += [f"--{name.replace('_', '-')}", str(value)]
        if mode != "port":
            arguments.append(f"--{mode}")
        super().__init__(arguments)

    @property
    def address(self) -> Address:
        host, port = self.ready["listen"]
        return host, port

    def counts(self) -> dict[str, Counts]:
        """Ask what became of the packets so far, by direction."""
        return {name: Counts(**counts) for name, counts in self.ask("counts").items()}


def _host_port(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Run the relay with the settings of the command line."""
    parser = argparse.ArgumentParser(prog="tests.support.relay", description=__doc__)
    parser.add_argument("--listen", type=_host_port, default=(LOOPBACK, 0))
    parser.add_argument("--forward", type=_host_port, required=True)
    parser.add_argument("--seed", type=int, default=1)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--pair", action="store_true", help="relay the next higher port, too")
    mode.add_argument("--sip", action="store_true", help="relay calls with their media")
    for name, default in asdict(Impairments()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default)
    options = parser.parse_args()
    loop = RelayLoop(
        Impairments(**{name: getattr(options, name) for name in asdict(Impairments())}),
        options.seed,
    )
    listening = _listen(options.listen, 2 if options.pair else 1)
    host, port = options.forward
    for offset, each in enumerate(listening):
        relay = CallRelay if options.sip else PortRelay
        relay(loop, each, (host, port + offset))
    print(json.dumps({"listen": _address(listening[0])}), flush=True)
    loop.run()
    print(json.dumps({name: asdict(counts) for name, counts in loop.counts().items()}), flush=True)


def _listen(address: Address, count: int) -> list[socket.socket]:
    """Bind `count` ports in a row, or free ones where the first is 0."""
    host, port = address
    if port == 0 and count > 1:
        return list(bind_even_pair())
    listening = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for offset, each in enumerate(listening):
        each.bind((host, port + offset))
    return listening


if __name__ == "__main__":
    main()
