"""The plan of a command of steps: what each would do now, and why. Nothing is run and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from feature_repo.core.steps import Making, Step, Steps

Would = Literal["run", "perhaps", "rest"]


@dataclass(frozen=True)
class Planned:
    """`perhaps`: an earlier step that it uses will run again; this one rests if the outcome is the same."""

    step: str
    would: Would
    why: str
    after: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    code: tuple[str, ...]
    seconds: float | None  # the last time; None: never done
    unseen: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def plan(release: Sequence[Step], making: Making, steps: Steps, again: bool = False) -> list[Planned]:
    planned: list[Planned] = []
    for step in release:
        done = steps.done(step.name)
        if done is not None:
            making.results[step.name] = done.result
        moved = tuple(one.step for one in planned if one.would != "rest" and one.step in step.after)
        would, why = _decided(step, making, steps, again, moved)
        planned.append(
            Planned(
                step.name,
                would,
                why,
                step.after,
                tuple(path.name for path in step.reads(making)),
                tuple(path.name for path in step.writes(making)),
                step.code,
                done.seconds if done else None,
                step.unseen if would != "run" else "",
            )
        )
    return planned


def _decided(step: Step, making: Making, steps: Steps, again: bool, moved: Sequence[str]) -> tuple[Would, str]:
    done = steps.done(step.name)
    if done is None:
        return "run", "never done"
    if again:
        return "run", "asked for anew"
    why = step.redo(making, done.result) or done.why_again(step.inputs(making), step.writes(making))
    if why:
        return "run", why
    if moved:
        return "perhaps", f"after {', '.join(moved)}"
    return "rest", "as it was done before"
