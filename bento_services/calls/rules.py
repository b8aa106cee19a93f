"""Rules that every page keeps within seconds. `if_match`: the version that was read, as for videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bento_services.calls.call import Call, change, said, segment, version_headers
from bento_services.catalog.rules import RuleHistory, RuleList, RuleRemoved, RuleWritten, ShownRule
from bento_services.feed.preview import Preview

RULES = "/api/v1/rules"


def rules() -> Call[RuleList]:
    """All rules by id, those that do not hold now included."""
    return Call("GET", RULES, RuleList)


def get_rule(rule_id: str) -> Call[ShownRule]:
    """One rule."""
    return Call("GET", _of(rule_id), ShownRule)


def put_rule(
    rule_id: str, rule: Mapping[str, Any], if_match: int | None = None, only_new: bool = False, why: str = ""
) -> Call[RuleWritten]:
    """Create a rule, or replace it as a whole. `only_new`: Conflict where there is one. `why`: for the audit."""
    return change("PUT", _of(rule_id), RuleWritten, dict(rule), version_headers(if_match, only_new), why)


def patch_rule(
    rule_id: str, fields: Mapping[str, Any], if_match: int | None = None, why: str = ""
) -> Call[RuleWritten]:
    """Change some fields, such as `enabled`; None gives one its default."""
    return change("PATCH", _of(rule_id), RuleWritten, dict(fields), version_headers(if_match), why)


def remove_rule(rule_id: str, if_match: int | None = None, why: str = "") -> Call[RuleRemoved]:
    """Remove a rule; its history stays."""
    return change("DELETE", _of(rule_id), RuleRemoved, headers=version_headers(if_match), why=why)


def rule_history(rule_id: str, limit: int = 20) -> Call[RuleHistory]:
    """Who changed a rule, newest first."""
    return Call("GET", f"{_of(rule_id)}/history", RuleHistory, said(limit=limit))


def preview_rule(rule: Mapping[str, Any], user_id: str = "", surface: str = "home", limit: int = 20) -> Call[Preview]:
    """A viewer's page without a rule and with it. `rule`: as it would be put, or only a `rule_id`. Nothing is kept."""
    body = {"rule": dict(rule), "user_id": user_id, "surface": surface, "limit": limit}
    return Call("POST", f"{RULES}:preview", Preview, body=body)


def _of(rule_id: str) -> str:
    return f"{RULES}/{segment(rule_id)}"
