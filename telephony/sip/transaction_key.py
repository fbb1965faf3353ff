"""Which transaction a message belongs to.

Source: RFC 3261 sections 17.1.3 (answers), 17.2.3 (requests, with the rules for peers of RFC 2543)
and 8.2.2.2 (merged requests).
"""

from telephony.sip.message import Request, Response
from telephony.sip.nat import DEFAULT_PORTS
from telephony.sip.via import MAGIC_COOKIE

__all__ = ["ClientKey", "ServerKey", "client_key", "is_unique", "merge_key", "server_key"]

ClientKey = tuple[str, str]
ServerKey = tuple[object, ...]


def client_key(response: Response) -> ClientKey:
    """Name the client transaction of an answer: branch and method of CSeq."""
    return response.via.branch or "", response.cseq.method


def server_key(request: Request, method: str | None = None) -> ServerKey:
    """Name the server transaction of a request.

    A branch that is unique by RFC 3261 identifies it with sent-by and method. Any other sender is
    matched by Request-URI, From tag, Call-ID, CSeq number and top Via; the To tag, which differs
    between an INVITE and its ACK, is compared apart.

    Args:
        request: The request as it came, before its Via is stamped.
        method: Ask for the transaction of this method: an ACK and a CANCEL name their INVITE's.
    """
    via = request.via
    method = method or ("INVITE" if request.method == "ACK" else request.method)
    branch = via.branch or ""
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        port = via.port or DEFAULT_PORTS.get(via.transport.upper(), 5060)
        return branch, via.host.lower(), port, method
    return (
        str(request.uri),
        request.from_.tag,
        request.call_id,
        request.cseq.number,
        str(via),
        method,
    )


def is_unique(key: ServerKey) -> bool:
    """Say whether a key is of the RFC 3261 kind, so that nothing else needs comparing."""
    return isinstance(key[2], int)


def merge_key(request: Request) -> tuple[object, ...]:
    """Name what copies of one request that came by different paths share."""
    cseq = request.cseq
    return request.from_.tag, request.call_id, cseq.number, cseq.method
