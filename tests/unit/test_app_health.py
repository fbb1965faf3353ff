"""Health follows the app's phases, its children and the engine's word."""

from dataclasses import dataclass

from telephony.app.health import Health, Phase


@dataclass
class Part:
    name: str
    is_running: bool = True


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def serving(*parts: Part) -> tuple[Health, Clock]:
    clock = Clock()
    health = Health(clock)
    for part in parts:
        health.watch(part)
    health.phase = Phase.SERVING
    return health, clock


def test_an_app_that_starts_or_ends_takes_no_calls() -> None:
    health = Health()
    assert health.status() == "starting"
    health.phase = Phase.SERVING
    assert health.status() == "ok"
    health.phase = Phase.DRAINING
    assert health.status() == "draining"


def test_a_child_that_died_is_named() -> None:
    embedded, engine = Part("embedded server"), Part("engine")
    health, _ = serving(embedded, engine)
    assert health.status() == "ok"
    engine.is_running = False
    assert health.status() == "engine died"
    embedded.is_running = False
    assert health.status() == "embedded server died"


def test_an_engine_that_reports_no_more_serves_nobody() -> None:
    health, clock = serving(Part("engine"))
    clock.now_s += 4.0
    health.handle_report()
    clock.now_s += 4.0
    assert health.status() == "ok"
    clock.now_s += 1.1
    assert health.status() == "engine is silent"
    health.handle_report()
    assert health.status() == "ok"
