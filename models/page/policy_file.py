"""Which policy file holds: the home's own, or the rules that Marquee comes with."""

from __future__ import annotations

from pathlib import Path

from feature_repo.core.home import Home

POLICY = Path(__file__).with_name("policy.toml")


def policy_of(home: Home) -> Path:
    """HOME/policy.toml, which a person or `marquee frontier` wrote; else the rules that Marquee comes with."""
    own = home.root / "policy.toml"
    return own if own.exists() else POLICY
