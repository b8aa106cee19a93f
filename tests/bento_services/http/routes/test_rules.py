"""Rules over HTTP: added, changed, listed, removed, audited and tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import client_of, error_of

from bento_services.admission.admit import Admission
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.http.app import create_app
from bento_services.process.rules_follower import RulesFollower
from feature_repo.core.home import Home

RULES = "/api/v1/rules"
LISTS = ("video_ids", "creator_ids", "categories", "genres", "languages", "surfaces", "countries", "age_groups")
BLOCK = {"kind": "block", "tags": ["flagged"]}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return catalog_home(tmp_path / "home")


@pytest.fixture
def made(home: Home) -> Iterator[Made]:
    made = Made(home)
    yield made
    made.engine.close()


async def test_a_rule_is_added_changed_listed_and_removed_and_each_change_is_audited(http: httpx.AsyncClient) -> None:
    added = await http.post(RULES, json={"rule_id": "x", **BLOCK}, params={"why": "law"})
    assert (added.status_code, added.headers["etag"]) == (201, '"1"')
    assert added.json()["rule"] | {"changed_at": ""} == {
        **{name: [] for name in LISTS},
        "rule_id": "x",
        "kind": "block",
        "tags": ["flagged"],
        "least_licence_cost": 0.0,
        "most_licence_cost": 1_000_000.0,
        "row": "",
        "position": 0,
        "factor": 1.0,
        "at_least": 0.0,
        "at_most": 1.0,
        "least_watch_fraction": 0.0,
        "most_dislike_rate": 1.0,
        "least_watches": 20,
        "demoted_after": 0,
        "rested_after": 0,
        "explored": 0.0,
        "starts_at": "",
        "ends_at": "",
        "owner": "",
        "note": "",
        "enabled": True,
        "version": 1,
        "changed_at": "",
    }
    error_of(await http.post(RULES, json={"rule_id": "x", **BLOCK}), 412, "version_conflict")
    for body in (BLOCK, added.json()["rule"]):
        same = await http.put(f"{RULES}/x", json=body)
        assert (same.status_code, same.json()["changed"]) == (200, False)
    patched = await http.patch(f"{RULES}/x", json={"enabled": False}, headers={"if-match": '"1"'})
    assert (patched.json()["rule"]["enabled"], patched.headers["etag"]) == (False, '"2"')
    error_of(
        await http.patch(f"{RULES}/x", json={"enabled": True}, headers={"if-match": '"1"'}), 412, "version_conflict"
    )
    assert (await http.get(f"{RULES}/x")).headers["etag"] == '"2"'
    assert [one["rule_id"] for one in (await http.get(RULES)).json()["rules"]] == ["x"]
    assert (await http.delete(f"{RULES}/x")).json() == {"rule_id": "x", "change_id": 3}
    assert (await http.get(RULES)).json() == {"rules": []}
    lines = (await http.get(f"{RULES}/x/history")).json()["changes"]
    assert [(one["action"], one["version"], one["who"], one["why"]) for one in lines] == [
        ("remove", 3, "anybody", ""),
        ("patch", 2, "anybody", ""),
        ("put", 1, "anybody", "law"),
    ]
    assert lines[1]["before"] == {"rule_id": "x", **BLOCK}
    assert lines[1]["after"] == {"rule_id": "x", **BLOCK, "enabled": False}


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"kind": "block"}, "video_ids"),
        ({"kind": "pin", "video_ids": ["no such video"]}, "video_ids"),
        ({"kind": "pin", "video_ids": ["v1"], "row": "no_such_row"}, "row"),
        ({"kind": "pin", "video_ids": ["v1"], "row": "continue_watching"}, "row"),
        ({"kind": "pin", "video_ids": ["v1"], "row": "because_you_watched"}, "row"),
        ({"kind": "pin", "video_ids": ["v1"], "row": "popular", "surfaces": ["trending"]}, "row"),
        ({"kind": "pin", "video_ids": ["v1"], "surfaces": ["home", "search"]}, "surfaces"),
        ({**BLOCK, "surfaces": ["nowhere"]}, "surfaces"),
        ({**BLOCK, "tag": "flagged"}, "tag"),
        ({**BLOCK, "rule_id": "y"}, "rule_id"),
    ],
)
async def test_a_rule_that_says_something_impossible_is_refused(
    http: httpx.AsyncClient, rule: dict[str, Any], field: str
) -> None:
    error = error_of(await http.put(f"{RULES}/x", json=rule), 422, "unprocessable")
    assert [fault["field"] for fault in error["details"]["faults"]] == [field]
    assert error["message"].endswith("nothing was changed")
    assert (await http.get(RULES)).json() == {"rules": []}


async def test_a_rule_that_there_is_not_is_not_found(http: httpx.AsyncClient) -> None:
    for reply in (
        await http.get(f"{RULES}/x"),
        await http.patch(f"{RULES}/x", json={}),
        await http.delete(f"{RULES}/x"),
        await http.get(f"{RULES}/x/history"),
        await http.post(f"{RULES}:preview", json={"rule": {"rule_id": "x"}}),
    ):
        assert error_of(reply, 404, "unknown_rule")["details"] == {"rule_id": "x"}


async def test_a_preview_shows_both_pages_and_their_difference(http: httpx.AsyncClient, made: Made) -> None:
    reply = await http.post(f"{RULES}:preview", json={"rule": BLOCK, "user_id": "u1", "limit": 3})
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"without", "with_rule", "added", "removed", "moved"}
    assert [(query.user_id, query.limit, query.log) for query in made.feed.queries] == [("u1", 3, False)] * 2
    assert len({query.request_id for query in made.feed.queries}) == 1
    error_of(await http.post(f"{RULES}:preview", json={"rule": {"kind": "block"}}), 422, "unprocessable")
    error_of(await http.post(f"{RULES}:preview", json={}), 400, "malformed")
    error_of(await http.post(f"{RULES}:preview", json={"rule": BLOCK, "limit": 0}), 422, "unprocessable")


async def test_a_key_needs_the_scope_of_the_catalog(made: Made, home: Home) -> None:
    app = create_app(lambda: made.engine)
    secrets = {scope: create_key(home, scope, [scope]) for scope in ("serve", "catalog", "admin")}
    app.admission = Admission(Keys.of(home))
    async with client_of(app) as http:
        for scope, status in (("serve", 403), ("catalog", 200), ("admin", 200)):
            reply = await http.get(RULES, headers={"authorization": f"Bearer {secrets[scope]}"})
            assert reply.status_code == status, scope


async def test_what_is_added_is_followed_and_the_last_rules_hold_while_the_database_is_away(
    http: httpx.AsyncClient, made: Made, home: Home
) -> None:
    follower = RulesFollower(made.engine, home)
    follower.close()
    assert (made.engine.rules.version, bool(made.engine.rules)) == (0, False)
    await http.put(f"{RULES}/x", json=BLOCK)
    follower.look()
    assert [rule.rule_id for rule in made.engine.rules.rules] == ["x"]
    held = made.engine.rules
    follower.look()
    assert made.engine.rules is held  # what has not changed is not read again
    assert made.engine.health.of("rules").state == "ok"
    path = home.root / "catalog.db"
    whole = path.read_bytes()
    path.write_bytes(b"this is no database" * 100)
    follower.look()
    assert made.engine.rules is held
    part = made.engine.health.of("rules")
    assert part.state == "degraded"
    assert "the last rules that were read hold (version 1)" in part.why
    path.write_bytes(whole)
    follower.look()
    assert made.engine.health.of("rules").state == "ok"
