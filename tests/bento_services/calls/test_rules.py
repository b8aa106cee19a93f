"""Rules are put, read and removed where the API does it."""

from __future__ import annotations

from typing import Any

from bento_services.calls import rules
from bento_services.calls.call import NO_BODY, Call

BOOST = {"kind": "boost", "factor": 2.0}


def test_each_verb_has_its_address_and_its_body() -> None:
    preview = {"rule": BOOST, "user_id": "u1", "surface": "trending", "limit": 5}
    calls: list[tuple[Call[Any], str, str, Any]] = [
        (rules.rules(), "GET", "/api/v1/rules", NO_BODY),
        (rules.get_rule("a/b"), "GET", "/api/v1/rules/a%2Fb", NO_BODY),
        (rules.put_rule("r", BOOST, why="launch"), "PUT", "/api/v1/rules/r", BOOST),
        (rules.patch_rule("r", {"enabled": False}), "PATCH", "/api/v1/rules/r", {"enabled": False}),
        (rules.remove_rule("r", if_match=2), "DELETE", "/api/v1/rules/r", NO_BODY),
        (rules.rule_history("r"), "GET", "/api/v1/rules/r/history", NO_BODY),
        (rules.preview_rule(BOOST, "u1", "trending", 5), "POST", "/api/v1/rules:preview", preview),
    ]
    for call, method, path, body in calls:
        assert (call.method, call.path, call.body) == (method, path, body)
    assert calls[2][0].params == {"why": "launch"}
    assert calls[4][0].headers == {"if-match": '"2"'}
