"""The outbox: output in order, ids that never repeat."""

import json

from telephony.local.outbox import LogLine, Message, Outbox
from telephony.realtime import events


def test_output_comes_out_in_order_under_ids_of_its_own() -> None:
    outbox = Outbox("abc")
    outbox.send(events.ItemDeletedEvent(item_id="x"))
    outbox.log("said", is_warning=True, code="c")
    outbox.send_text(b"{}")
    first = outbox.poll()
    assert isinstance(first, Message)
    assert json.loads(first.text) == {
        "type": "conversation.item.deleted",
        "event_id": "event_abc0001",
        "item_id": "x",
    }
    assert outbox.poll() == LogLine("said", {"code": "c"}, is_warning=True)
    assert outbox.poll() == Message(b"{}")
    assert outbox.poll() is None
    assert outbox.mint("item") == "item_abc0002"
