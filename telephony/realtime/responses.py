"""One response at a time: when `response.create` may go out, and what becomes of it.

States: IDLE, nothing under way. REQUESTED, we asked and have no answer. ACTIVE, a response is under
way, ours or the server's own. INTERRUPTED, the same, but the caller has begun to speak and the
server is ending it. LISTENING, the caller speaks or has just stopped, and the server will respond
by itself. BLOCKED, the server says that a response is under way of which we saw no beginning.

Inputs: what our side asks for, what the server tells, and a deadline. Whatever is asked for in
another state than IDLE is held, becomes one wish with what is held already, and is asked for again
when IDLE is reached. Speech is an input only where the server owns the turns: there it answers the
caller by itself, so a wish for "a response" is met by that one, and asking for it while the caller
speaks would talk over them. A wish with instructions of its own is kept for its turn.

Left out: responses outside the conversation, which the product does not ask for. Source: Realtime
API reference, `response.create`: one at a time in the conversation, else an error.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from telephony.realtime.client_events import ResponseCreate, ResponseParameters
from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = [
    "TRANSITIONS",
    "Action",
    "Input",
    "ResponseSequencer",
    "State",
    "Unanswered",
]

ANSWER_NS = Nanoseconds(10 * NS_PER_SECOND)
"""How long `response.create` may go without any answer before another may be sent."""
RETRY_NS = Nanoseconds(2 * NS_PER_SECOND)
"""How long to wait for the end of a response of which the server did not tell us the beginning."""
SPEECH_NS = Nanoseconds(15 * NS_PER_SECOND)
"""How long the caller's speech holds a wish back, should the server not tell of its end."""
TURN_NS = Nanoseconds(NS_PER_SECOND)
"""How long after the end of speech the server's own response is waited for."""

BUSY_CODES = frozenset({"conversation_already_has_active_response", "response_already_active"})
"""Error codes by which servers say that a response is under way."""


class State(Enum):
    """Where the conversation stands; see the module's text."""

    IDLE = auto()
    REQUESTED = auto()
    ACTIVE = auto()
    INTERRUPTED = auto()
    LISTENING = auto()
    BLOCKED = auto()


class Input(Enum):
    """What can happen."""

    ASKED = auto()
    """Our side wants a response; the wish is already held."""
    CREATED = auto()
    DONE = auto()
    """The response under way ended, however it did."""
    BUSY = auto()
    """Our request was refused because of another response."""
    REFUSED = auto()
    """Our request was refused for another reason."""
    SPEECH_STARTED = auto()
    SPEECH_STOPPED = auto()
    EXPIRED = auto()
    """The deadline passed."""


class Action(Enum):
    """What a transition asks for besides its state."""

    SEND = auto()
    """Send the wish held."""
    HOLD = auto()
    """Hold the wish that was sent once more."""
    SETTLE = auto()
    """Forget a held wish that has no instructions: the response that began meets it."""
    WAIT_ANSWER = auto()
    WAIT_RETRY = auto()
    WAIT_SPEECH = auto()
    WAIT_TURN = auto()
    REPORT = auto()
    """Tell that the server never answered."""


WAITS = {
    Action.WAIT_ANSWER: ANSWER_NS,
    Action.WAIT_RETRY: RETRY_NS,
    Action.WAIT_SPEECH: SPEECH_NS,
    Action.WAIT_TURN: TURN_NS,
}

TRANSITIONS: dict[tuple[State, Input], tuple[State, tuple[Action, ...]]] = {
    (State.IDLE, Input.ASKED): (State.REQUESTED, (Action.SEND, Action.WAIT_ANSWER)),
    (State.IDLE, Input.CREATED): (State.ACTIVE, ()),
    # A response that was replaced by another ends late: nothing waits for it.
    (State.IDLE, Input.DONE): (State.IDLE, ()),
    # An answer that comes after the deadline is too late to matter.
    (State.IDLE, Input.BUSY): (State.IDLE, ()),
    (State.IDLE, Input.REFUSED): (State.IDLE, ()),
    (State.IDLE, Input.SPEECH_STARTED): (State.LISTENING, (Action.WAIT_SPEECH,)),
    (State.IDLE, Input.SPEECH_STOPPED): (State.LISTENING, (Action.WAIT_TURN,)),
    (State.REQUESTED, Input.ASKED): (State.REQUESTED, ()),
    (State.REQUESTED, Input.CREATED): (State.ACTIVE, ()),
    (State.REQUESTED, Input.DONE): (State.REQUESTED, ()),
    (State.REQUESTED, Input.BUSY): (State.BLOCKED, (Action.HOLD, Action.WAIT_RETRY)),
    (State.REQUESTED, Input.REFUSED): (State.IDLE, ()),
    # Our request and the caller's speech cross on the wire: the server's next word decides.
    (State.REQUESTED, Input.SPEECH_STARTED): (State.REQUESTED, ()),
    (State.REQUESTED, Input.SPEECH_STOPPED): (State.REQUESTED, ()),
    (State.REQUESTED, Input.EXPIRED): (State.IDLE, (Action.REPORT,)),
    (State.ACTIVE, Input.ASKED): (State.ACTIVE, ()),
    (State.ACTIVE, Input.CREATED): (State.ACTIVE, ()),
    (State.ACTIVE, Input.DONE): (State.IDLE, ()),
    # The response under way is the server's own, begun while our request was on its way.
    (State.ACTIVE, Input.BUSY): (State.ACTIVE, (Action.HOLD,)),
    (State.ACTIVE, Input.REFUSED): (State.ACTIVE, ()),
    (State.ACTIVE, Input.SPEECH_STARTED): (State.INTERRUPTED, (Action.WAIT_SPEECH,)),
    (State.ACTIVE, Input.SPEECH_STOPPED): (State.ACTIVE, ()),
    (State.INTERRUPTED, Input.ASKED): (State.INTERRUPTED, ()),
    (State.INTERRUPTED, Input.CREATED): (State.ACTIVE, (Action.SETTLE,)),
    (State.INTERRUPTED, Input.DONE): (State.LISTENING, ()),
    (State.INTERRUPTED, Input.BUSY): (State.INTERRUPTED, (Action.HOLD,)),
    (State.INTERRUPTED, Input.REFUSED): (State.INTERRUPTED, ()),
    (State.INTERRUPTED, Input.SPEECH_STARTED): (State.INTERRUPTED, (Action.WAIT_SPEECH,)),
    (State.INTERRUPTED, Input.SPEECH_STOPPED): (State.INTERRUPTED, (Action.WAIT_TURN,)),
    # The server did not end its response after all.
    (State.INTERRUPTED, Input.EXPIRED): (State.ACTIVE, ()),
    (State.LISTENING, Input.ASKED): (State.LISTENING, ()),
    (State.LISTENING, Input.CREATED): (State.ACTIVE, (Action.SETTLE,)),
    (State.LISTENING, Input.DONE): (State.LISTENING, ()),
    (State.LISTENING, Input.BUSY): (State.LISTENING, ()),
    (State.LISTENING, Input.REFUSED): (State.LISTENING, ()),
    (State.LISTENING, Input.SPEECH_STARTED): (State.LISTENING, (Action.WAIT_SPEECH,)),
    (State.LISTENING, Input.SPEECH_STOPPED): (State.LISTENING, (Action.WAIT_TURN,)),
    (State.LISTENING, Input.EXPIRED): (State.IDLE, ()),
    (State.BLOCKED, Input.ASKED): (State.BLOCKED, ()),
    (State.BLOCKED, Input.CREATED): (State.ACTIVE, ()),
    (State.BLOCKED, Input.DONE): (State.IDLE, ()),
    # The request was answered already: a second answer to it says nothing new.
    (State.BLOCKED, Input.BUSY): (State.BLOCKED, ()),
    (State.BLOCKED, Input.REFUSED): (State.BLOCKED, ()),
    (State.BLOCKED, Input.SPEECH_STARTED): (State.INTERRUPTED, (Action.WAIT_SPEECH,)),
    (State.BLOCKED, Input.SPEECH_STOPPED): (State.BLOCKED, ()),
    (State.BLOCKED, Input.EXPIRED): (State.IDLE, ()),
}
UNTIMED = frozenset({State.IDLE, State.ACTIVE})
"""States that end by what the server says alone: entering one drops the deadline."""
UNDER_WAY = frozenset({State.ACTIVE, State.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Wish:
    """A response that our side asked for and that has not been sent."""

    instructions: str | None = None

    def joined(self, later: "Wish") -> "Wish":
        """Make one of two: the later instructions hold, none leave the earlier ones."""
        return self if later.instructions is None else later


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The server neither began nor refused the response that we asked for."""

    event_id: str


class ResponseSequencer:
    """Sends one `response.create` at a time; after each call drain `poll_output()`."""

    def __init__(self, token: Callable[[], str]) -> None:
        """Begin with nothing under way.

        Args:
            token: Mints the ids by which errors name our requests.
        """
        self._token = token
        self._state = State.IDLE
        self._held: Wish | None = None
        self._sent: tuple[str, Wish] | None = None
        self._active_id = ""
        self._deadline: Nanoseconds | None = None
        self._outputs: deque[ResponseCreate | Unanswered] = deque()

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    @property
    def active_id(self) -> str | None:
        """The response under way, None when there is none or its id is not known."""
        return (self._active_id or None) if self._state in UNDER_WAY else None

    @property
    def has_wish(self) -> bool:
        """Whether a response that our side asked for has not begun."""
        return self._held is not None or self._state is State.REQUESTED

    @property
    def next_deadline(self) -> Nanoseconds | None:
        """When `handle_timer` is to be called."""
        return self._deadline

    def poll_output(self) -> ResponseCreate | Unanswered | None:
        """Give the next request to send, or the news that one was not answered."""
        return self._outputs.popleft() if self._outputs else None

    def ask(self, instructions: str | None, now_ns: Nanoseconds) -> None:
        """Want a response, with these instructions or the session's."""
        self._hold(Wish(instructions))
        self._step(Input.ASKED, now_ns)

    def handle_created(self, response_id: str, now_ns: Nanoseconds) -> None:
        """Learn that a response began, whoever asked for it."""
        self._active_id = response_id
        self._step(Input.CREATED, now_ns)

    def handle_done(self, response_id: str, now_ns: Nanoseconds) -> None:
        """Learn that a response ended; one that is not the one under way changes nothing."""
        if self._state in UNDER_WAY:
            if response_id != self._active_id:
                return
            self._sent = None
        self._step(Input.DONE, now_ns)

    def handle_error(self, event_id: str | None, code: str, now_ns: Nanoseconds) -> None:
        """Learn of an error; one that is not about our request changes nothing.

        Without an `event_id`, an error is taken as ours where it says that a response is active.
        """
        if self._sent is None:
            return
        is_busy = code in BUSY_CODES
        if event_id == self._sent[0] or (not event_id and is_busy):
            self._step(Input.BUSY if is_busy else Input.REFUSED, now_ns)
            self._sent = None

    def handle_speech(self, now_ns: Nanoseconds, *, started: bool) -> None:
        """Learn that the caller began or ended a turn which the server will answer by itself."""
        self._step(Input.SPEECH_STARTED if started else Input.SPEECH_STOPPED, now_ns)

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """Learn the time; a deadline that has not passed stays."""
        if self._deadline is not None and now_ns >= self._deadline:
            self._step(Input.EXPIRED, now_ns)

    def _step(self, what: Input, now_ns: Nanoseconds) -> None:
        self._state, actions = TRANSITIONS[self._state, what]
        if self._state in UNTIMED:
            self._deadline = None
        for action in actions:
            self._act(action, now_ns)
        if self._state is State.IDLE and self._held is not None:
            self._step(Input.ASKED, now_ns)

    def _act(self, action: Action, now_ns: Nanoseconds) -> None:
        if action in WAITS:
            self._deadline = Nanoseconds(now_ns + WAITS[action])
        elif action is Action.SEND:
            self._send()
        elif action is Action.HOLD and self._sent is not None:
            sent, later = self._sent[1], self._held
            self._held = sent if later is None else sent.joined(later)
        elif action is Action.SETTLE and self._held is not None:
            self._held = self._held if self._held.instructions is not None else None
        elif action is Action.REPORT and self._sent is not None:
            self._outputs.append(Unanswered(self._sent[0]))
            self._sent = None

    def _hold(self, wish: Wish) -> None:
        self._held = wish if self._held is None else self._held.joined(wish)

    def _send(self) -> None:
        wish, self._held = self._held or Wish(), None
        event_id = f"respond_{self._token()}"
        self._sent = (event_id, wish)
        if wish.instructions is None:
            self._outputs.append(ResponseCreate(event_id=event_id))
            return
        parameters = ResponseParameters(instructions=wish.instructions)
        self._outputs.append(ResponseCreate(event_id=event_id, response=parameters))
