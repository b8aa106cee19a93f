"""A processor that is dead, stopped or silent is down; one that was just killed gets half a second."""

from __future__ import annotations

import os
import time

import msgspec
import pytest
from prometheus_client import REGISTRY

from bento_services.health import DEGRADED, DOWN, OK, PROCESSOR, PUBLISHER, SINK, Health
from bento_services.process.processor_watch import GRACE_SECONDS, HANGS_SECONDS, ProcessorWatch
from feature_repo.core.processes import started_at
from feature_repo.store import layout
from feature_repo.stream.heartbeat import Beat, this_machine

ALIVE = Beat(os.getpid(), 1, this_machine(), started_at(os.getpid()), lag=4)
GONE = msgspec.structs.replace(ALIVE, started=ALIVE.started + 1)
FAR = msgspec.structs.replace(ALIVE, host="another machine", pid=1)
FOLDS, WRITES = layout.PROCESSOR + "processor-0", layout.SINK + "sink-0"


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class World:
    def __init__(self, needed: bool = True) -> None:
        self.clock = Clock()
        self.health = Health(self.clock)
        self.watch = ProcessorWatch(self.health, needed, self.clock)

    def look(self, *beats: tuple[str, Beat], after: float = 0.0) -> tuple[str, str]:
        self.clock.seconds += after
        self.watch.look(dict(beats))
        return self.health.of(PROCESSOR).state, self.health.of(PROCESSOR).why


@pytest.fixture
def world() -> World:
    return World()


def test_one_at_work_is_ok_and_says_how_far_behind_it_is(world: World) -> None:
    assert world.look((FOLDS, ALIVE), (WRITES, ALIVE)) == (OK, "")
    assert world.health.of(PROCESSOR).facts == {"pid": os.getpid(), "lag": 4, "suspicious": 0}
    assert world.health.of(SINK).state == OK


def test_what_tagged_viewers_sent_is_told_of_all_processors_together(world: World) -> None:
    doubted = msgspec.structs.replace(ALIVE, doubted=4)
    world.look((FOLDS, doubted), (layout.PROCESSOR + "processor-1", doubted))
    assert REGISTRY.get_sample_value("marquee_events_doubted") == 8.0


def age() -> float:
    found = REGISTRY.get_sample_value("marquee_feature_age_seconds", {"tier": "near real time"})
    assert found is not None
    return found


def test_features_are_as_old_as_the_events_that_are_not_folded_yet(world: World) -> None:
    def folded(seconds_ago: float) -> Beat:
        return msgspec.structs.replace(ALIVE, until_us=int((time.time() - seconds_ago) * 1e6))

    world.look((FOLDS, folded(3.0)), (WRITES, folded(50.0)))
    assert age() == pytest.approx(3.0, abs=0.5)  # whoever writes the lake folds nothing
    world.look((FOLDS, folded(2.0)), (layout.PROCESSOR + "processor-1", folded(1.0)))
    assert age() == pytest.approx(2.0, abs=0.5)  # each has a part of the events
    world.look((FOLDS, ALIVE))  # of an older revision, or just started
    time.sleep(0.6)
    world.watch.look({})
    assert age() == pytest.approx(2.6, abs=0.5)  # nobody is at work
    world.watch.look(None)  # nobody can tell
    assert age() >= 2.6
    world.look((FOLDS, folded(0.0)))
    assert age() == pytest.approx(0.0, abs=0.5)


def test_one_that_handles_nothing_more_is_down_with_what_to_do(world: World) -> None:
    world.look((FOLDS, ALIVE))
    stalled = msgspec.structs.replace(ALIVE, stalled="too many dead letters")
    world.look((FOLDS, stalled), after=GRACE_SECONDS)
    assert world.look((FOLDS, stalled), after=GRACE_SECONDS) == (DOWN, "too many dead letters")


def test_one_that_died_is_down_after_the_time_in_which_it_is_started_again(world: World) -> None:
    world.look((FOLDS, ALIVE))
    assert world.look((FOLDS, GONE), after=0.25) == (DEGRADED, f"process {os.getpid()} is gone")
    assert world.look((FOLDS, GONE), after=GRACE_SECONDS)[0] == DOWN
    assert world.health.stops_events() == f"processor is down: process {os.getpid()} is gone"
    assert world.look((FOLDS, ALIVE), after=0.25)[0] == OK
    assert world.health.stops_events() == ""


def test_one_that_is_silent_although_it_lives_hangs(world: World) -> None:
    world.look((FOLDS, ALIVE))
    assert world.look((FOLDS, ALIVE), after=HANGS_SECONDS)[0] == OK
    state, why = world.look((FOLDS, ALIVE), after=1.0)
    assert (state, why) == (DOWN, f"process {os.getpid()} has said nothing for 6 s")
    assert world.look((FOLDS, msgspec.structs.replace(ALIVE, at_us=2)), after=0.25)[0] == OK


def test_one_elsewhere_is_judged_by_its_silence(world: World) -> None:
    assert world.look((FOLDS, FAR))[0] == OK
    assert world.look((FOLDS, FAR), after=HANGS_SECONDS + 1.0)[0] == DOWN


def test_one_of_two_at_work_is_enough(world: World) -> None:
    assert world.look((FOLDS, GONE), (layout.PROCESSOR + "processor-1", ALIVE), after=3.0)[0] == OK


def test_one_that_took_its_word_back_is_down(world: World) -> None:
    world.look((FOLDS, ALIVE), after=0.25)
    world.look((FOLDS, ALIVE), after=0.25)
    assert world.look(after=GRACE_SECONDS) == (DOWN, "it says nothing any more")


def test_where_none_was_ever_heard_of_events_are_taken_unless_one_is_needed() -> None:
    assert World(needed=True).look(after=1.0) == (DOWN, "no event processor was heard of yet")
    assert World(needed=False).look(after=1.0) == (
        DEGRADED,
        "no event processor was heard of yet; events wait in the log",
    )


def test_through_a_store_that_does_not_answer_nothing_is_known(world: World) -> None:
    world.look((FOLDS, ALIVE))
    world.watch.look(None)
    assert world.health.of(PROCESSOR).state == DEGRADED


def test_the_writer_of_the_lake_may_be_silent_for_longer(world: World) -> None:
    world.look((FOLDS, ALIVE), (WRITES, ALIVE))
    world.look((FOLDS, ALIVE), (WRITES, ALIVE), after=30.0)
    assert world.health.of(SINK).state == OK
    world.look((FOLDS, ALIVE), after=30.0)
    assert world.health.of(SINK).state == DEGRADED
    world.look((FOLDS, ALIVE), (WRITES, GONE))
    assert world.health.of(SINK).state == DOWN


def test_a_publisher_of_videos_is_heard_of_and_missed(world: World) -> None:
    publishes = layout.PUBLISHER + "publisher-0"
    world.look((FOLDS, ALIVE), (publishes, ALIVE))
    assert (world.health.of(PUBLISHER).state, world.health.of(PUBLISHER).facts) == (OK, {"lag": 4})
    world.look((FOLDS, ALIVE), (publishes, GONE))
    assert world.health.of(PUBLISHER).state == DOWN
    world.look((FOLDS, ALIVE))
    assert (world.health.of(PUBLISHER).state, world.health.stops_events()) == (DEGRADED, "")
