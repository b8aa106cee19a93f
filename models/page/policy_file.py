"""Which policy file applies: the home's, or the default that ships with Marquee."""

from __future__ import annotations

from pathlib import Path

from feature_repo.core.home import Home

POLICY = Path(__file__).with_name("policy.toml")


def policy_of(home: Home) -> Path:
    """HOME/policy.toml, written by an operator or by `marquee frontier`; else the default policy."""
    of_home = home.root / "policy.toml"
    return of_home if of_home.exists() else POLICY
