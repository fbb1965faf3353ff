"""Dialogs: route sets, targets and sequence numbers of RFC 3261 section 12."""

from telephony.sip import NameAddr, Request, Response, SipUri, parse_message
from telephony.sip.dialog import Dialog, DialogId
from telephony.sip.uri import OtherUri
from tests.support.sip_peer import request, response

ROUTES = "Record-Route: <sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>"


def parsed_request(text: str) -> Request:
    message = parse_message(text.encode())
    assert isinstance(message, Request)
    return message


def parsed_response(text: str) -> Response:
    message = parse_message(text.encode())
    assert isinstance(message, Response)
    return message


def routes(dialog: Dialog) -> list[str]:
    return [str(route) for route in dialog.route_set]


def test_the_callees_dialog_takes_the_routes_in_order() -> None:
    dialog = Dialog.from_request(parsed_request(request("INVITE", cseq=7, extra=ROUTES)), "ours")
    assert dialog.id == DialogId("call-1", "ours", "peer-tag")
    assert routes(dialog) == ["<sip:192.0.2.20;lr>", "<sip:192.0.2.21;lr>"]
    assert str(dialog.next_hop) == "sip:192.0.2.20;lr"
    assert str(dialog.remote_target) == "sip:peer@192.0.2.9:5070"
    assert (dialog.local_cseq, dialog.remote_cseq) == (0, 7)


def test_an_invite_without_contact_leaves_from_as_target() -> None:
    dialog = Dialog.from_request(parsed_request(request("INVITE", contact="")), "ours")
    assert str(dialog.next_hop) == "sip:peer@192.0.2.9"


def test_a_peer_without_tags_is_known_by_none() -> None:
    text = request("INVITE").replace(";tag=peer-tag", "")
    assert Dialog.from_request(parsed_request(text), "ours").id.remote_tag == ""


def callers_dialog(extra: str = ROUTES, **fields: str) -> tuple[Dialog, Request]:
    invite = parsed_request(request("INVITE", cseq=4))
    answer = parsed_response(response(invite, 180, extra=extra, **fields))  # type: ignore[arg-type]  # text fields only
    return Dialog.from_response(invite, answer), invite


def test_the_callers_dialog_takes_the_routes_reversed() -> None:
    dialog, _ = callers_dialog()
    assert dialog.id == DialogId("call-1", "peer-tag", "callee")
    assert routes(dialog) == ["<sip:192.0.2.21;lr>", "<sip:192.0.2.20;lr>"]
    assert dialog.remote_cseq is None


def test_an_answer_without_contact_leaves_the_request_uri_as_target() -> None:
    dialog, _ = callers_dialog(contact="")
    assert str(dialog.remote_target) == "sip:agent@192.0.2.1"


def test_the_2xx_makes_the_route_set_anew_and_later_answers_do_not() -> None:
    dialog, invite = callers_dialog()
    extra = "Record-Route: <sip:192.0.2.29;lr>"
    dialog.confirm(parsed_response(response(invite, 200, extra=extra, contact="<sip:x@192.0.2.8>")))
    assert routes(dialog) == ["<sip:192.0.2.29;lr>"]
    dialog.refresh_target(parsed_response(response(invite, 200, contact="<sip:y@192.0.2.8>")))
    assert routes(dialog) == ["<sip:192.0.2.29;lr>"]
    assert str(dialog.remote_target) == "sip:y@192.0.2.8"
    dialog.refresh_target(parsed_response(response(invite, 200, contact="")))
    assert str(dialog.remote_target) == "sip:y@192.0.2.8"


def test_requests_count_up_from_the_invite_and_the_ack_keeps_its_number() -> None:
    dialog, _ = callers_dialog()
    assert [dialog.request(method).cseq.number for method in ("INFO", "BYE")] == [5, 6]
    ack = dialog.ack(4)
    assert str(ack.cseq) == "4 ACK"
    assert ack.headers.values("Route") == ["<sip:192.0.2.21;lr>", "<sip:192.0.2.20;lr>"]
    assert ack.headers.get("Max-Forwards") == "70"


def test_a_target_loses_what_a_request_uri_may_not_hold() -> None:
    dialog, _ = callers_dialog("", contact="<sip:x@192.0.2.8;method=INVITE;a=b?Subject=hello>")
    assert dialog.request("BYE").start_line == "BYE sip:x@192.0.2.8;a=b SIP/2.0"


def test_a_target_or_route_of_another_scheme_passes_as_it_is() -> None:
    dialog, _ = callers_dialog("")
    dialog.remote_target = OtherUri("im", "someone")
    assert dialog.request("BYE").start_line == "BYE im:someone SIP/2.0"
    dialog.route_set = (NameAddr(None, OtherUri("im", "proxy")),)
    bye = dialog.request("BYE")
    assert bye.start_line == "BYE im:proxy SIP/2.0"
    assert bye.headers.values("Route") == ["<im:someone>"]


def test_a_strict_router_is_put_first_and_the_target_last() -> None:
    dialog, _ = callers_dialog()
    dialog.route_set = (
        NameAddr(None, SipUri("sip", None, None, "192.0.2.40")),
        NameAddr(None, SipUri("sip", None, None, "192.0.2.41", None, (("lr", None),))),
    )
    bye = dialog.request("BYE")
    assert bye.start_line == "BYE sip:192.0.2.40 SIP/2.0"
    assert bye.headers.values("Route") == ["<sip:192.0.2.41;lr>", "<sip:callee@192.0.2.9:5070>"]


def test_a_peers_number_may_jump_but_not_fall() -> None:
    dialog, _ = callers_dialog()
    assert [dialog.take_cseq(number) for number in (5, 5, 100, 99)] == [True, True, True, False]
    assert dialog.remote_cseq == 100
