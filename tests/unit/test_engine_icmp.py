"""Which datagrams could not be delivered, as the kernel tells it."""

import socket

import pytest

from telephony.engine.icmp import HAS_ERROR_QUEUE, keep_icmp_errors, undelivered

needs_error_queue = pytest.mark.skipif(not HAS_ERROR_QUEUE, reason="only Linux keeps ICMP errors")


def sender(family: socket.AddressFamily, host: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.bind((host, 0))
    except OSError:
        sock.close()
        pytest.skip(f"no address {host} on this machine")
    return sock


def deserted_port(family: socket.AddressFamily, host: str) -> int:
    with sender(family, host) as gone:
        port: int = gone.getsockname()[1]
    return port


@needs_error_queue
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_deserted_port_is_told_once(family: socket.AddressFamily, host: str) -> None:
    with sender(family, host) as sock:
        keep_icmp_errors(sock)
        destination = (host, deserted_port(family, host))
        sock.sendto(b"anyone?", destination)
        assert list(undelivered(sock)) == [destination]
        assert list(undelivered(sock)) == []


def test_nothing_is_told_of_what_arrives() -> None:
    with sender(socket.AF_INET, "127.0.0.1") as sock, sender(socket.AF_INET, "127.0.0.1") as far:
        keep_icmp_errors(sock)
        sock.sendto(b"hello", far.getsockname())
        assert list(undelivered(sock)) == []


def test_where_the_kernel_keeps_none_none_is_told() -> None:
    with sender(socket.AF_INET, "127.0.0.1") as sock:
        keep_icmp_errors(sock, has_error_queue=False)
        sock.sendto(b"anyone?", ("127.0.0.1", deserted_port(socket.AF_INET, "127.0.0.1")))
        assert list(undelivered(sock, has_error_queue=False)) == []


@needs_error_queue
def test_a_message_longer_than_a_datagram_may_be_is_no_failure_of_the_far_end() -> None:
    with sender(socket.AF_INET, "127.0.0.1") as sock, sender(socket.AF_INET, "127.0.0.1") as far:
        keep_icmp_errors(sock)
        with pytest.raises(OSError, match="too long"):
            sock.sendto(bytes(65_536), far.getsockname())
        assert list(undelivered(sock)) == []
