"""Says what was wrong with a TLS handshake, and whose fault it is."""

import ssl
from enum import Enum

from telephony.errors import TransportError

__all__ = ["TlsError", "TlsProblem", "explain_tls"]


class TlsProblem(Enum):
    """What was wrong; the value says it to the operator."""

    EXPIRED = "the server's certificate has expired: its operator must renew it"
    NOT_YET_VALID = "the server's certificate is not valid yet: one of the two clocks is wrong"
    UNKNOWN_AUTHORITY = (
        "the server's certificate is of an authority that this machine does not trust: "
        "if it is your own, name its file in SSL_CERT_FILE; if not, this is not your server"
    )
    WRONG_HOST = "the server's certificate is for another host: the url or the server is wrong"
    BAD_CERTIFICATE = "the server's certificate is not acceptable"
    NO_COMMON_VERSION = "the server speaks no TLS 1.2 or newer that we do: it is too old"
    NO_TLS = "the server does not speak TLS on this port: the url should say ws://, or another port"
    REFUSED = "the server refused the TLS handshake"
    BROKEN = "the server broke the TLS protocol"


class TlsError(TransportError):
    """A server could not be reached by TLS.

    Attributes:
        problem: What was wrong, and so whose fault it is.
    """

    def __init__(self, message: str, *, problem: TlsProblem) -> None:
        """Say which server it was, and what was wrong."""
        super().__init__(message)
        self.problem = problem


# X509_V_ERR_ of OpenSSL's x509_vfy.h.
CERTIFICATE_PROBLEMS = {
    2: TlsProblem.UNKNOWN_AUTHORITY,
    9: TlsProblem.NOT_YET_VALID,
    10: TlsProblem.EXPIRED,
    18: TlsProblem.UNKNOWN_AUTHORITY,
    19: TlsProblem.UNKNOWN_AUTHORITY,
    20: TlsProblem.UNKNOWN_AUTHORITY,
    21: TlsProblem.UNKNOWN_AUTHORITY,
    62: TlsProblem.WRONG_HOST,
    64: TlsProblem.WRONG_HOST,
}
VERSION_REASONS = frozenset(
    {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}
)
NO_TLS_REASONS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})


def explain_tls(error: ssl.SSLError, where: str) -> TlsError:
    """Turn a failed handshake into an error for the operator.

    Args:
        error: What OpenSSL made of it; it knows no header, so nothing secret is in it.
        where: The server, host and port.
    """
    reason = error.reason or "unknown"
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = CERTIFICATE_PROBLEMS.get(error.verify_code, TlsProblem.BAD_CERTIFICATE)
        reason = error.verify_message
    elif reason in VERSION_REASONS:
        problem = TlsProblem.NO_COMMON_VERSION
    elif reason in NO_TLS_REASONS:
        problem = TlsProblem.NO_TLS
    elif "ALERT" in reason:
        problem = TlsProblem.REFUSED
    else:
        problem = TlsProblem.BROKEN
    return TlsError(f"{where}: {problem.value} ({reason})", problem=problem)
