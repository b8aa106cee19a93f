"""Terminal output of plans, promotions, and lists of releases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feature_repo.core.errors import Refused
from feature_repo.core.terminal import note, print_table, say

NOT_MEASURED = "not measured"


def print_plan(result: Mapping[str, Any]) -> None:
    rows = result["steps"]
    shown = []
    for row in rows:
        took = "" if row["seconds"] is None else f"{row['seconds']:.1f} s"
        columns = {"step": row["step"], "action": row["action"], "reason": row["reason"], "last took": took}
        shown.append(columns | {"writes": ", ".join(row["writes"])})
    print_table("plan", shown)
    for row in rows:
        if row["caveat"]:
            say(f"{row['step']}: {row['caveat']}")


def print_gates(result: Mapping[str, Any]) -> None:
    shown = []
    for gate in result["gates"]:
        bar = "" if gate["bar"] is None else f"{'at least' if gate['at_least'] else 'at most'} {gate['bar']:.4f}"
        shown.append(
            {"gate": gate["gate"], "kind": gate["kind"], "value": gate["value"], "bar": bar, "": gate_word(gate)}
        )
    print_table("gates", shown)


def gate_word(gate: Mapping[str, Any]) -> str:
    if gate.get("measured", True):
        return "passed" if gate["passed"] else "failed"
    return NOT_MEASURED


def print_release(result: Mapping[str, Any]) -> None:
    print_promotion(result)
    if why := result.get("untrained"):
        say(f"without models: {why}; `marquee release` trains them once viewers have watched")
    else:
        say(f"report   {result['report']}")


def print_promotion(result: Mapping[str, Any]) -> None:
    if result["gates"]:
        print_gates(result)
    for gate in result["gates"]:
        if gate_word(gate) == NOT_MEASURED:
            say(f"not measured: {gate['gate']}: {gate['why']}")
    state = "is the champion" if result["release_id"] == result["champion"] else "is not the champion"
    say(f"release  {result['release_id']} {state}{', by force' if result['forced'] else ''}")
    if result["against"]:
        say(f"against  {result['against']}")
    if result["removed"]:
        say(f"removed  {', '.join(result['removed'])}")
    if problem := result.get("mlflow_problem"):
        note(f"marquee: warning: {problem}")


def print_pointers(result: Mapping[str, Any]) -> None:
    say(f"champion  {result['champion']}\nprevious  {result['previous'] or 'none'}")


def print_releases(result: Mapping[str, Any]) -> None:
    shown = []
    for one in result["releases"]:
        last = one["history"][-1] if one["history"] else {}
        outcome = f"{last.get('outcome', '')} {last.get('at', '')[:19].replace('T', ' ')}".strip()
        shown.append(
            {
                "release": one["release_id"],
                "": one["pointer"] or ("" if one["state"] == "there" else one["state"]),
                "made": one["created"][:19].replace("T", " "),
                "last": outcome,
                "by": last.get("command", ""),
                **one["figures"],
            }
        )
    print_table("releases", shown)
    for one in result["releases"]:
        why = one["problem"] or "; ".join(one["history"][-1]["why"] if one["history"] else ())
        if why:
            say(f"{one['release_id']}: {why.removeprefix(one['release_id'] + ': ')}")


def refuse_unless_promoted(result: Mapping[str, Any]) -> None:
    """Raises Refused naming every failed gate, unless the release was promoted."""
    if result.get("promoted", True):
        return
    failed = [gate for gate in result["gates"] if gate["gate"] in result["failed"]]
    raise Refused(f"not promoted: {'; '.join(map(_failure, failed))}")


def _failure(gate: Mapping[str, Any]) -> str:
    if gate_word(gate) == NOT_MEASURED:
        return f"{gate['gate']}: not measured, {gate['why']} (--accept '{gate['gate']}' waives it)"
    at = "at least" if gate["at_least"] else "at most"
    return f"{gate['gate']}: {gate['value']:.4f}, expected {at} {gate['bar']:.4f}"
