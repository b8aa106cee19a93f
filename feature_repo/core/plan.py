"""A dry run of a sequence of steps: what each would do now, and why. Runs and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from feature_repo.core.steps import Step, StepContext, Steps

Action = Literal["run", "maybe", "skip"]


@dataclass(frozen=True)
class PlannedStep:
    """`maybe`: a step that it depends on will run again; this one is skipped if that writes the same files."""

    step: str
    action: Action
    reason: str
    after: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    code: tuple[str, ...]
    seconds: float | None  # that its last run took; None: never run
    caveat: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def plan(release: Sequence[Step], context: StepContext, steps: Steps, again: bool = False) -> list[PlannedStep]:
    planned: list[PlannedStep] = []
    for step in release:
        done = steps.done(step.name)
        if done is not None:
            context.results[step.name] = done.result
        rerun = tuple(one.step for one in planned if one.action != "skip" and one.step in step.after)
        action, reason = _decide(step, context, steps, again, rerun)
        planned.append(
            PlannedStep(
                step.name,
                action,
                reason,
                step.after,
                tuple(path.name for path in step.reads(context)),
                tuple(path.name for path in step.writes(context)),
                step.code,
                done.seconds if done else None,
                step.caveat if action != "run" else "",
            )
        )
    return planned


def _decide(step: Step, context: StepContext, steps: Steps, again: bool, rerun: Sequence[str]) -> tuple[Action, str]:
    done = steps.done(step.name)
    if done is None:
        return "run", "never run"
    if again:
        return "run", "asked to start over"
    reason = step.redo(context, done.result) or done.stale_reason(step.inputs(context), step.writes(context))
    if reason:
        return "run", reason
    if rerun:
        return "maybe", f"depends on {', '.join(rerun)}"
    return "skip", "up to date"
