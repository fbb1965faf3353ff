"""When a call gets another session: before the provider's limit, and after the session was lost.

    STEADY --renewal due--> RENEWING --granted: switch--> STEADY
      |                        | no try helped: the old session goes on --> STEADY
      | the session ended      | the session ended
      v                        v
     LOST --granted: switch--> STEADY
      | no try helped
      v
    GIVEN_UP

Inputs are what the sessions and time do; actions are data, carried out by the owner. Left out: the
first session of a call, which nobody waits for once it fails (it is opened in STEADY, and its
failure is hopeless): a caller who has heard nobody yet is better sent elsewhere at once.
"""

from enum import Enum, auto
from typing import Final

from telephony.errors import LocalError
from telephony.units import NS_PER_MS, NS_PER_SECOND, Nanoseconds

__all__ = [
    "TRANSITIONS",
    "Handover",
    "HandoverAction",
    "HandoverInput",
    "HandoverState",
    "advance",
]

DEFAULT_LIFE_NS = 55 * 60 * NS_PER_SECOND
"""Where a server does not say when it ends a session: the known limit is 60 minutes."""
MIN_LIFE_NS = 5 * NS_PER_SECOND
"""A shorter life is a wrong clock, ours or the server's; no session is of use for so short."""
MARGIN_NS = 15 * NS_PER_SECOND
"""Before the limit, at the latest."""
QUIET_NS = 5 * 60 * NS_PER_SECOND
"""Before that, how long a quiet moment is looked for."""
LOOK_NS = 500 * NS_PER_MS
"""How often."""
BACK_OFF_NS: Final = tuple(round(s * NS_PER_SECOND) for s in (0.25, 0.5, 1, 2, 4))
"""Before each try; there is none after the last."""
TRIES_NS = 12 * NS_PER_SECOND
"""From a loss to the moment when no try counts any more: fillers help a caller no longer."""
TRY_NS = 3 * NS_PER_SECOND
"""For one try to be granted."""
STEADY_NS = 60 * NS_PER_SECOND
"""A session lost sooner than this after its grant counts as one more try that failed."""
HOPELESS = frozenset({401, 403, 404})
"""Of the handshake: a wrong key, or a wrong path or model. No try mends that."""


class HandoverState(Enum):
    """Where a call's sessions are."""

    STEADY = auto()
    """One is in charge, or the first is being opened."""
    RENEWING = auto()
    """One is in charge, and another is being opened beside it."""
    LOST = auto()
    """None is in charge; another is being opened, or waited for."""
    GIVEN_UP = auto()
    """There will be no other."""


class HandoverInput(Enum):
    """What happens."""

    RENEWAL_DUE = auto()
    TRY_DUE = auto()
    GRANTED = auto()
    """The session in charge, or the one being opened."""
    ENDED = auto()
    """The session in charge, and not by us."""
    TRY_FAILED = auto()
    TRIES_OVER = auto()
    """There were as many as may be, or none can succeed."""
    STOPPED = auto()
    """The call needs no session any more."""


class HandoverAction(Enum):
    """What a transition asks for."""

    OPEN = auto()
    """Another session; the one that was tried before is closed by then."""
    WAIT = auto()
    """For the next try."""
    FILL = auto()
    """Ask the caller for patience."""
    SWITCH = auto()
    """To the session that was granted."""
    GIVE_UP = auto()


_S, _I, _A = HandoverState, HandoverInput, HandoverAction
Transition = tuple[HandoverState, tuple[HandoverAction, ...]]

TRANSITIONS: dict[tuple[HandoverState, HandoverInput], Transition] = {
    (_S.STEADY, _I.RENEWAL_DUE): (_S.RENEWING, (_A.OPEN,)),
    (_S.STEADY, _I.ENDED): (_S.LOST, (_A.FILL, _A.WAIT)),
    (_S.STEADY, _I.TRIES_OVER): (_S.GIVEN_UP, (_A.GIVE_UP,)),
    # The first session's grant, or the confirmation of another agent's settings.
    (_S.STEADY, _I.GRANTED): (_S.STEADY, ()),
    (_S.RENEWING, _I.GRANTED): (_S.STEADY, (_A.SWITCH,)),
    (_S.RENEWING, _I.TRY_FAILED): (_S.RENEWING, (_A.WAIT,)),
    (_S.RENEWING, _I.TRY_DUE): (_S.RENEWING, (_A.OPEN,)),
    (_S.RENEWING, _I.TRIES_OVER): (_S.STEADY, ()),
    # A try is under way, or waited for: it is the first after the loss.
    (_S.RENEWING, _I.ENDED): (_S.LOST, (_A.FILL,)),
    (_S.LOST, _I.GRANTED): (_S.STEADY, (_A.SWITCH,)),
    (_S.LOST, _I.TRY_FAILED): (_S.LOST, (_A.WAIT,)),
    (_S.LOST, _I.TRY_DUE): (_S.LOST, (_A.OPEN,)),
    (_S.LOST, _I.TRIES_OVER): (_S.GIVEN_UP, (_A.GIVE_UP,)),
    **{(state, _I.STOPPED): (_S.GIVEN_UP, ()) for state in _S},
    # What a session still tells while the call does without.
    **{(_S.GIVEN_UP, what): (_S.GIVEN_UP, ()) for what in _I},
}


def advance(state: HandoverState, what: HandoverInput) -> Transition:
    """Look one transition up.

    Raises:
        LocalError: The table has no such row: whoever sent the input is at fault.
    """
    found = TRANSITIONS.get((state, what))
    if found is None:
        raise LocalError(f"sessions that are {state.name} take no {what.name}")
    return found


class Handover:
    """The policy of one call; each method gives what is to be done, but `WAIT`, which is its own.

    After each, re-arm one timer by `next_deadline()`.
    """

    __slots__ = (
        "_grant_ns",
        "_latest_ns",
        "_look_ns",
        "_lost_ns",
        "_state",
        "_steady_ns",
        "_tries",
        "_try_ns",
    )

    def __init__(self) -> None:
        """Wait for the first session."""
        self._state = _S.STEADY
        self._steady_ns: Nanoseconds | None = None
        self._look_ns: Nanoseconds | None = None
        self._latest_ns = Nanoseconds(0)
        self._lost_ns = Nanoseconds(0)
        self._tries = 0
        self._try_ns: Nanoseconds | None = None
        self._grant_ns: Nanoseconds | None = None

    @property
    def state(self) -> HandoverState:
        """Where the call's sessions are."""
        return self._state

    @property
    def is_trying(self) -> bool:
        """Whether a session is being opened."""
        return self._grant_ns is not None

    def handle_granted(
        self, life_ns: int | None, now_ns: Nanoseconds
    ) -> tuple[HandoverAction, ...]:
        """Learn that a session was granted: the first, or the one that was being opened.

        Args:
            life_ns: Until the server will end it; None where it does not say.
            now_ns: The time.
        """
        if life_ns is None or life_ns < MIN_LIFE_NS:
            life_ns, margin_ns = DEFAULT_LIFE_NS, 0
        else:
            margin_ns = min(MARGIN_NS, life_ns // 8)
        self._latest_ns = Nanoseconds(now_ns + life_ns - margin_ns)
        self._look_ns = Nanoseconds(self._latest_ns - min(QUIET_NS, life_ns // 4))
        self._steady_ns = Nanoseconds(now_ns + STEADY_NS)
        self._try_ns = self._grant_ns = None
        return self._take(_I.GRANTED, now_ns)

    def expect_way(self, now_ns: Nanoseconds) -> None:
        """Learn that the first session is there already: another way to it may succeed."""
        self._steady_ns = Nanoseconds(now_ns + STEADY_NS)

    def handle_ended(self, now_ns: Nanoseconds) -> tuple[HandoverAction, ...]:
        """Learn that the session in charge has ended, and not by us."""
        if self._steady_ns is None:
            return self._take(_I.TRIES_OVER, now_ns)
        if now_ns >= self._steady_ns:
            self._tries = int(self._grant_ns is not None)
        self._lost_ns = now_ns
        actions = self._take(_I.ENDED, now_ns)
        if self._try_ns is not None and self._try_ns >= now_ns + TRIES_NS:
            actions += self._take(_I.TRIES_OVER, now_ns)  # a busy server is to be left alone longer
        return actions

    def handle_failed(
        self, code: int, retry_after_ns: int | None, now_ns: Nanoseconds
    ) -> tuple[HandoverAction, ...]:
        """Learn that the session that was being opened failed.

        Args:
            code: Below 1000 the HTTP status with which the server refused.
            retry_after_ns: How long it asks us to stay away; None where it does not.
            now_ns: The time.
        """
        what = _I.TRIES_OVER if code in HOPELESS else _I.TRY_FAILED
        return self._take(what, now_ns, retry_after_ns or 0)

    def stop(self) -> None:
        """Learn that the call needs no session any more."""
        self._state, _ = advance(self._state, _I.STOPPED)
        self._try_ns = self._grant_ns = None

    def handle_timer(self, now_ns: Nanoseconds, *, is_quiet: bool) -> tuple[HandoverAction, ...]:
        """Learn that `next_deadline()` has passed.

        Args:
            now_ns: The time.
            is_quiet: Whether nobody speaks, and nothing is under way or owed.
        """
        deadline_ns = self.next_deadline()
        if deadline_ns is None or now_ns < deadline_ns:
            return ()
        if self._state is _S.STEADY:
            return self._look(now_ns, is_quiet=is_quiet)
        if self._state is _S.LOST and now_ns >= self._lost_ns + TRIES_NS:
            return self._take(_I.TRIES_OVER, now_ns)
        return self._take(_I.TRY_DUE if self._grant_ns is None else _I.TRY_FAILED, now_ns)

    def _look(self, now_ns: Nanoseconds, *, is_quiet: bool) -> tuple[HandoverAction, ...]:
        """Renew at a quiet moment, and at the latest when there is no more time for one."""
        if is_quiet or now_ns >= self._latest_ns:
            self._look_ns, self._tries = None, 0
            return self._take(_I.RENEWAL_DUE, now_ns)
        self._look_ns = Nanoseconds(min(now_ns + LOOK_NS, self._latest_ns))
        return ()

    def next_deadline(self) -> Nanoseconds | None:
        """Say when `handle_timer` wants to be called."""
        if self._state is _S.STEADY:
            return self._look_ns
        if self._state is _S.GIVEN_UP:
            return None
        due_ns = self._try_ns if self._grant_ns is None else self._grant_ns
        if self._state is _S.LOST:
            until_ns = Nanoseconds(self._lost_ns + TRIES_NS)
            return until_ns if due_ns is None else min(due_ns, until_ns)
        return due_ns

    def _take(
        self, what: HandoverInput, now_ns: Nanoseconds, retry_after_ns: int = 0
    ) -> tuple[HandoverAction, ...]:
        self._state, actions = advance(self._state, what)
        given: list[HandoverAction] = []
        for action in actions:
            if action is _A.WAIT:
                given += self._wait(retry_after_ns, now_ns)
                continue
            if action is _A.OPEN:
                self._tries += 1
                self._try_ns, self._grant_ns = None, Nanoseconds(now_ns + TRY_NS)
            elif action is _A.GIVE_UP:
                self._try_ns = self._grant_ns = None
            given.append(action)
        return tuple(given)

    def _wait(self, retry_after_ns: int, now_ns: Nanoseconds) -> tuple[HandoverAction, ...]:
        """Arm the next try, or learn that there is none."""
        self._try_ns = self._grant_ns = None
        if self._tries >= len(BACK_OFF_NS):
            return self._take(_I.TRIES_OVER, now_ns)
        due_ns = Nanoseconds(now_ns + max(BACK_OFF_NS[self._tries], retry_after_ns))
        if self._state is _S.LOST and due_ns >= self._lost_ns + TRIES_NS:
            return self._take(_I.TRIES_OVER, now_ns)
        self._try_ns = due_ns
        return ()
