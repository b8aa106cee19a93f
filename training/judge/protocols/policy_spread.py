"""A policy file with another [spread], every other line as it was."""

from __future__ import annotations

from training.judge.protocols.frontier_points import Point


def with_spread(policy: str, chosen: Point) -> str:
    """The policy file with another [spread]; every other line stays as it is."""
    kept, inside = [], False
    for line in policy.splitlines():
        if line.strip().startswith("["):
            inside = line.split("#")[0].strip() == "[spread]"
        if not inside:
            kept.append(line)
        elif line.strip().startswith("["):
            kept += [
                "[spread]                  # over genres; chosen by `marquee frontier`",
                f'method = "{chosen.method}"',
                f"relevance = {chosen.trade_off:g}",
                "",
            ]
    return "\n".join(kept).rstrip("\n") + "\n"
