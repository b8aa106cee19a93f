"""Rules over gRPC: each verb answers what HTTP answers, and refuses what HTTP refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from worlds.by_hand import Made
from worlds.catalog import catalog_home

from bento_services.catalog.rules import ShownRule
from bento_services.http.schemas.rules import NewRule
from bento_services.rpc.generated import marquee_pb2

messages: Any = marquee_pb2
RULES = "/api/v1/rules"
WHOLE: dict[str, Any] = {
    "kind": "boost",
    "creator_ids": ["c1"],
    "categories": ["Drama"],
    "genres": ["Drama", "Comedy"],
    "tags": ["original"],
    "languages": ["pt-BR"],
    "surfaces": ["home"],
    "countries": ["DE", "US"],
    "factor": 1.5,
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2030-01-01T00:00:00Z",
    "owner": "editors",
    "note": "originals first",
    "enabled": False,
}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    made = Made(catalog_home(tmp_path / "home"))
    yield made
    made.engine.close()


def as_http(message: Any) -> Any:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def test_a_message_has_every_field_of_a_rule() -> None:
    assert set(messages.Rule.DESCRIPTOR.fields_by_name) == set(ShownRule.__struct_fields__)
    assert set(messages.RuleIn.DESCRIPTOR.fields_by_name) == set(NewRule.__struct_fields__)


async def test_a_rule_is_put_read_changed_and_removed_as_over_http(stub: Any, http: httpx.AsyncClient) -> None:
    put = await stub.PutRule(messages.PutRuleRequest(rule=messages.RuleIn(rule_id="r1", **WHOLE), why="launch"))
    over_http = (await http.put(f"{RULES}/r2", params={"why": "launch"}, json=WHOLE)).json()
    assert _plain(as_http(put)) == _plain(over_http)
    changed = messages.PatchRuleRequest(rule=messages.RuleIn(rule_id="r1", enabled=True), cleared=["genres"])
    patched = await stub.PatchRule(changed)
    over_http = (await http.patch(f"{RULES}/r2", json={"enabled": True, "genres": None})).json()
    assert _plain(as_http(patched)) == _plain(over_http)
    assert (patched.rule.enabled, list(patched.rule.genres), patched.rule.version) == (True, [], 2)
    for rule_id in ("r1", "r2"):
        one = as_http(await stub.GetRule(messages.GetRuleRequest(rule_id=rule_id)))
        assert _plain(one) == _plain((await http.get(f"{RULES}/{rule_id}")).json())
    listed = as_http(await stub.ListRules(messages.ListRulesRequest()))
    assert _plain(listed) == _plain((await http.get(RULES)).json())
    assert [rule["rule_id"] for rule in listed["rules"]] == ["r1", "r2"]
    removed = await stub.RemoveRule(messages.RemoveRuleRequest(rule_id="r1", why="over"))
    assert (removed.rule_id, removed.change_id) == ("r1", 5)
    audit = as_http(await stub.GetRuleHistory(messages.GetRuleHistoryRequest(rule_id="r1")))["changes"]
    assert [line["action"] for line in audit] == ["remove", "patch", "put"]
    over_http = (await http.get(f"{RULES}/r1/history")).json()["changes"]
    assert [json.loads(line.get("before_json") or "null") for line in audit] == [line["before"] for line in over_http]
    assert [json.loads(line.get("after_json") or "null") for line in audit] == [line["after"] for line in over_http]


async def test_a_preview_is_that_of_http(stub: Any, http: httpx.AsyncClient, made: Made) -> None:
    rule = {"kind": "boost", "genres": ["Drama"], "factor": 2.0}
    asked = messages.PreviewRuleRequest(rule=messages.RuleIn(**rule), user_id="u1", limit=2)
    over_grpc = await stub.PreviewRule(asked)
    over_http = (await http.post(f"{RULES}:preview", json={"rule": rule, "user_id": "u1", "limit": 2})).json()
    for page in ("without", "with_rule"):
        found = getattr(over_grpc, page)
        assert [item.video_id for item in found.recommendations] == [
            item["video_id"] for item in over_http[page]["recommendations"]
        ]
    assert [query.limit for query in made.feed.queries] == [2] * 4


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("PutRule", messages.PutRuleRequest(rule=messages.RuleIn(kind="boost", factor=2)), "INVALID_ARGUMENT"),
        ("PutRule", messages.PutRuleRequest(rule=messages.RuleIn(rule_id="r", kind="wish")), "INVALID_ARGUMENT"),
        ("PatchRule", messages.PatchRuleRequest(rule=messages.RuleIn(rule_id="gone")), "NOT_FOUND"),
        (
            "PatchRule",
            messages.PatchRuleRequest(rule=messages.RuleIn(rule_id="r1", note="a"), cleared=["note"]),
            "INVALID_ARGUMENT",
        ),
        ("RemoveRule", messages.RemoveRuleRequest(rule_id="r1", if_match=7), "FAILED_PRECONDITION"),
        ("GetRule", messages.GetRuleRequest(rule_id="gone"), "NOT_FOUND"),
        ("GetRuleHistory", messages.GetRuleHistoryRequest(rule_id="r1", limit=101), "INVALID_ARGUMENT"),
        ("PreviewRule", messages.PreviewRuleRequest(limit=5), "INVALID_ARGUMENT"),
        (
            "PreviewRule",
            messages.PreviewRuleRequest(rule=messages.RuleIn(rule_id="r1"), limit=101),
            "INVALID_ARGUMENT",
        ),
    ],
)
async def test_what_http_refuses_is_refused_and_changes_nothing(
    stub: Any, method: str, request_: Any, code: str
) -> None:
    await stub.PutRule(messages.PutRuleRequest(rule=messages.RuleIn(rule_id="r1", **WHOLE)))
    before = as_http(await stub.ListRules(messages.ListRulesRequest()))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(stub, method)(request_)
    assert refused.value.code() == grpc.StatusCode[code]
    assert as_http(await stub.ListRules(messages.ListRulesRequest())) == before


async def test_a_rule_of_fatigue_is_stated_as_over_http(stub: Any, http: httpx.AsyncClient) -> None:
    tired = {"kind": "fatigue", "demoted_after": 3, "factor": 0.5, "rested_after": 6}
    put = await stub.PutRule(messages.PutRuleRequest(rule=messages.RuleIn(rule_id="r1", **tired)))
    assert _plain(as_http(put)) == _plain((await http.put(f"{RULES}/r2", json=tired)).json())
    assert (put.rule.demoted_after, put.rule.rested_after) == (3, 6)


async def test_a_rule_of_exploration_is_stated_as_over_http(stub: Any, http: httpx.AsyncClient) -> None:
    more = {"kind": "explore", "explored": 0.2, "countries": ["unknown"], "age_groups": ["teen"]}
    put = await stub.PutRule(messages.PutRuleRequest(rule=messages.RuleIn(rule_id="r1", **more)))
    assert _plain(as_http(put)) == _plain((await http.put(f"{RULES}/r2", json=more)).json())
    assert (put.rule.explored, list(put.rule.age_groups)) == (0.2, ["teen"])


async def test_a_rule_that_must_be_new_is_not_replaced(stub: Any) -> None:
    new = messages.PutRuleRequest(rule=messages.RuleIn(rule_id="r1", **WHOLE), if_match=0)
    assert (await stub.PutRule(new)).created
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.PutRule(new)
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def _plain(answer: Any) -> Any:
    """Without when it was, and which of the two rules it is of."""
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    kept = {name: _plain(value) for name, value in answer.items() if name not in ("rule_id", "changed_at")}
    return {**kept, **({"version": int(kept["version"])} if "version" in kept else {})}
