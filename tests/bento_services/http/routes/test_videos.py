"""The catalog over HTTP: put, changed, listed, taken down, restored, and audited."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from worlds.by_hand import Made
from worlds.catalog import catalog_home
from worlds.http_api import VIDEOS, client_of, error_of

from bento_services.admission.admit import Admission
from bento_services.admission.key_file import create_key
from bento_services.admission.keys import Keys
from bento_services.http.app import create_app
from feature_repo.core.home import Home

FILM = {"title": "Paper Orbit", "duration_seconds": 5400}
WHOLE = {
    **FILM,
    "description": "A love story in low gravity.",
    "category": "Drama",
    "genres": ["Drama", "Comedy"],
    "tags": ["space"],
    "cast": ["Ana Lu"],
    "creator_id": "c1",
    "creator_name": "Lumen",
    "series_id": "s1",
    "episode": 2,
    "language": "pt-BR",
    "maturity": 12,
    "countries": ["DE", "US"],
    "thumbnail": "/thumbs/1.jpg",
    "perceptual_hash": "00ff00ff12ab34cd",
    "licence_cost": 0.0,
    "published_at": "2026-11-21T18:00:00+02:00",
    "expires_at": "2030-01-01T00:00:00.5Z",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return catalog_home(tmp_path / "home")


@pytest.fixture
def made(home: Home) -> Iterator[Made]:
    made = Made(home)
    yield made
    made.engine.close()


async def put(http: httpx.AsyncClient, video_id: str, **fields: Any) -> dict[str, Any]:
    reply = await http.put(f"{VIDEOS}/{video_id}", json={**FILM, **fields})
    assert reply.is_success, reply.text
    video: dict[str, Any] = reply.json()["video"]
    return video


async def test_a_video_is_created_then_replaced_then_left_as_it_is(http: httpx.AsyncClient) -> None:
    created = await http.put(f"{VIDEOS}/v1", json=WHOLE)
    assert (created.status_code, created.headers["etag"]) == (201, '"1"')
    assert created.json()["created"] is created.json()["changed"] is True
    video = created.json()["video"]
    same = {name: video[name] for name in WHOLE}
    assert same == {
        **WHOLE,
        "published_at": "2026-11-21T16:00:00Z",
        "expires_at": "2030-01-01T00:00:00.500000Z",
    }
    assert (video["video_id"], video["version"], video["taken_down_at"]) == ("v1", 1, None)
    again = await http.put(f"{VIDEOS}/v1", json=WHOLE)
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')
    assert again.json() == {"video": video, "created": False, "changed": False}
    replaced = await http.put(f"{VIDEOS}/v1", json={**FILM, "genres": ["Comedy"]})
    assert (replaced.status_code, replaced.headers["etag"]) == (200, '"2"')
    now = replaced.json()["video"]
    assert (now["description"], now["episode"], now["expires_at"]) == ("", 0, None)
    assert (now["category"], now["published_at"]) == ("Comedy", "2026-11-21T16:00:00Z")
    read = await http.get(f"{VIDEOS}/v1")
    assert (read.json(), read.headers["etag"]) == (now, '"2"')


async def test_a_patch_changes_what_it_states_and_null_gives_the_default(http: httpx.AsyncClient) -> None:
    await put(http, "v1", **WHOLE)
    reply = await http.patch(
        f"{VIDEOS}/v1", json={"maturity": 16, "countries": None, "expires_at": None, "licence_cost": None}
    )
    video = reply.json()["video"]
    assert (reply.status_code, video["version"]) == (200, 2)
    assert (video["maturity"], video["countries"], video["expires_at"]) == (16, [], None)
    assert (video["perceptual_hash"], video["licence_cost"]) == ("00ff00ff12ab34cd", None)
    assert video["title"] == "Paper Orbit"
    error_of(await http.patch(f"{VIDEOS}/v2", json={"maturity": 16}), 404, "unknown_video")


async def test_a_change_of_what_somebody_else_has_changed_is_refused(http: httpx.AsyncClient) -> None:
    await put(http, "v1")
    await put(http, "v1", maturity=6)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("PUT", {"json": FILM}),
        ("PATCH", {"json": {"maturity": 1}}),
        ("DELETE", {}),
    ]
    for method, options in calls:
        reply = await http.request(method, f"{VIDEOS}/v1", headers={"If-Match": '"1"'}, **options)
        error = error_of(reply, 412, "version_conflict")
        assert error["details"] == {"video_id": "v1", "expected": 1, "current": 2}, method
    restore = await http.post(f"{VIDEOS}/v1/restore", headers={"If-Match": '"1"'})
    error_of(restore, 412, "version_conflict")
    patched = await http.patch(f"{VIDEOS}/v1", json={"maturity": 1}, headers={"If-Match": '"2"'})
    assert patched.json()["video"]["version"] == 3


async def test_a_new_video_only_where_there_is_none(http: httpx.AsyncClient) -> None:
    only_new = {"If-None-Match": "*"}
    assert (await http.put(f"{VIDEOS}/v1", json=FILM, headers=only_new)).status_code == 201
    refused = await http.put(f"{VIDEOS}/v1", json=WHOLE, headers=only_new)
    assert error_of(refused, 412, "version_conflict")["details"]["current"] == 1
    both = await http.put(f"{VIDEOS}/v1", json=FILM, headers={**only_new, "If-Match": '"1"'})
    assert error_of(both, 400, "malformed")["details"] == {"field": "If-None-Match"}
    for header in ("1", 'W/"1"', "*", '"0"', '"one"'):
        error_of(await http.put(f"{VIDEOS}/v1", json=FILM, headers={"If-Match": header}), 400, "malformed")


async def test_every_fault_says_field_expectation_and_what_was_found(http: httpx.AsyncClient) -> None:
    wrong = {
        "title": "",
        "maturity": 99,
        "episode": "",
        "published_at": "yesterday",
        "expires_at": "1969-12-31T23:59:59Z",
        "countries": ["Germany"],
        "version": 3,
        "video_language": "en",
    }
    error = error_of(await http.put(f"{VIDEOS}/v1", json=wrong), 422, "unprocessable")
    faults = {fault["field"]: (fault["expectation"], fault["found"]) for fault in error["details"]["faults"]}
    assert set(faults) == {*wrong, "duration_seconds"}
    assert faults["maturity"] == ("years of age, a whole number from 0 to 21", "99")
    assert faults["published_at"] == ("a time in RFC 3339, such as 2026-11-21T18:00:00Z", "'yesterday'")
    assert faults["expires_at"][0].endswith("1970-01-01 00:00 to 2200-01-01 00:00")
    assert faults["version"][0].startswith("no such field in a change: If-Match")
    assert "language" in faults["video_language"][0]
    assert {(fault["index"], fault["video_id"]) for fault in error["details"]["faults"]} == {(0, "v1")}
    assert error["message"].endswith("and 4 more; nothing was changed")
    error_of(await http.get(f"{VIDEOS}/v1"), 404, "unknown_video")
    other_id = await http.put(f"{VIDEOS}/v1", json={**FILM, "video_id": "v2"})
    assert "v1, the id in the address" in error_of(other_id, 422, "unprocessable")["message"]
    assert (await http.put(f"{VIDEOS}/7", json={**FILM, "video_id": 7})).status_code == 201
    error_of(await http.put(f"{VIDEOS}/v1", json=[FILM]), 400, "malformed")
    error_of(await http.put(f"{VIDEOS}/v1", content=b"{}"), 415, "not_json")


async def test_a_batch_is_put_as_a_whole_or_not_at_all(http: httpx.AsyncClient) -> None:
    good = [{**FILM, "video_id": f"v{number}"} for number in range(3)]
    reply = await http.post(f"{VIDEOS}:batch", json={"videos": good})
    assert reply.status_code == 200
    assert reply.json()["videos"] == [
        {"video_id": f"v{number}", "version": 1, "created": True, "changed": True} for number in range(3)
    ]
    bad = [{**good[0], "maturity": 99}, good[1], {"video_id": "v9"}, good[1], "v10", {**FILM}]
    error = error_of(await http.post(f"{VIDEOS}:batch", json={"videos": bad}), 422, "unprocessable")
    found = [(fault["index"], fault["video_id"], fault["field"]) for fault in error["details"]["faults"]]
    assert found == [
        (0, "v0", "maturity"),
        (2, "v9", "title"),
        (2, "v9", "duration_seconds"),
        (3, "v1", "video_id"),
        (4, "", "video"),
        (5, "", "video_id"),
    ]
    assert "videos[0]: maturity: expected years of age" in error["message"]
    assert (await http.get(f"{VIDEOS}/v0")).json()["version"] == 1
    many = [{**FILM, "video_id": f"w{number}"} for number in range(501)]
    error_of(await http.post(f"{VIDEOS}:batch", json={"videos": many}), 413, "too_large")
    assert (await http.post(f"{VIDEOS}:batch", json={"videos": many[:500]})).status_code == 200
    error_of(await http.post(f"{VIDEOS}:batch", json={"videos": []}), 422, "unprocessable")
    others: list[Any] = [[], {"videos": {}}, {"videos": good, "if_match": 1}]
    for other in others:
        error_of(await http.post(f"{VIDEOS}:batch", json=other), 400, "malformed")


async def test_a_takedown_says_so_stays_through_a_put_and_can_be_taken_back(http: httpx.AsyncClient) -> None:
    await put(http, "v1")
    down = await http.delete(f"{VIDEOS}/v1", params={"why": "rights ended"})
    video = down.json()["video"]
    assert (down.status_code, video["version"]) == (200, 2)
    assert video["taken_down_at"].endswith("Z")
    assert (await http.get(f"{VIDEOS}/v1")).json() == video
    assert (await http.delete(f"{VIDEOS}/v1")).json()["changed"] is False
    assert (await put(http, "v1", maturity=6))["taken_down_at"] == video["taken_down_at"]
    back = (await http.post(f"{VIDEOS}/v1/restore", params={"why": "renewed"})).json()
    assert (back["changed"], back["video"]["taken_down_at"]) == (True, None)
    for method, path in (("DELETE", f"{VIDEOS}/v9"), ("POST", f"{VIDEOS}/v9/restore"), ("GET", f"{VIDEOS}/v9/history")):
        assert error_of(await http.request(method, path), 404, "unknown_video")["details"] == {"video_id": "v9"}
    error_of(await http.delete(f"{VIDEOS}/v1", params={"why": "x" * 501}), 422, "unprocessable")
    error_of(await http.delete(f"{VIDEOS}/v1", params={"reason": "typo"}), 422, "unprocessable")


async def test_the_history_says_who_changed_what_from_what_to_what(made: Made, home: Home) -> None:
    key = create_key(home, "studio", ["catalog"])
    key_id = Keys.of(home).keys[0].key_id
    edge = create_app(lambda: made.engine)
    async with client_of(edge) as http:
        await put(http, "v1")
    edge.admission = Admission(Keys.of(home))
    async with client_of(edge, headers={"authorization": f"Bearer {key}"}) as http:
        await http.patch(f"{VIDEOS}/v1", json={"maturity": 6})
        await http.delete(f"{VIDEOS}/v1", params={"why": "rights\x00ended"})
        await http.post(f"{VIDEOS}/v1/restore", params={"why": "renewed"})
        await put(http, "v1", maturity=12)
        await http.post(f"{VIDEOS}:batch", json={"videos": [{**FILM, "video_id": "v1"}]})
        history = (await http.get(f"{VIDEOS}/v1/history")).json()
        newest = (await http.get(f"{VIDEOS}/v1/history", params={"limit": 1})).json()
    assert history["video_id"] == "v1"
    batch, _, restore, down, patch, first = history["changes"]
    assert newest["changes"] == [batch]
    assert [line["who"] for line in history["changes"]] == [f"studio ({key_id})"] * 5 + ["anybody"]
    assert (restore["action"], restore["why"]) == ("restore", "renewed")
    assert (down["action"], down["why"], down["version"]) == ("take_down", "rights ended", 3)
    assert (patch["before"]["maturity"], patch["after"]["maturity"]) == (0, 6)
    assert (first["action"], first["before"], first["sent_at"]) == ("put", None, None)
    assert first["change_id"] < patch["change_id"] < down["change_id"]


async def test_a_list_is_cut_by_its_cursor_and_by_its_filters(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await put(http, f"v{number}", genres=["Drama"] if number % 2 else ["Comedy", "Drama"], creator_id=f"c{number}")
    await http.delete(f"{VIDEOS}/v3")
    await http.patch(
        f"{VIDEOS}/v4", json={"expires_at": "2000-01-01T00:00:00Z", "published_at": "1999-01-01T00:00:00Z"}
    )
    pages, cursor = [], ""
    while True:
        page = (await http.get(VIDEOS, params={"limit": 2, "cursor": cursor})).json()
        pages.append([video["video_id"] for video in page["videos"]])
        if (cursor := page["cursor"]) is None:
            break
    assert pages == [["v0", "v1"], ["v2", "v3"], ["v4"]]
    expected = {
        ("category", "Comedy"): ["v0", "v2", "v4"],
        ("genre", "Drama"): ["v0", "v1", "v2", "v3", "v4"],
        ("creator_id", "c2"): ["v2"],
        ("taken_down", "true"): ["v3"],
        ("taken_down", "false"): ["v0", "v1", "v2", "v4"],
        ("expired", "true"): ["v4"],
        ("published_since", "2001-01-01T00:00:00Z"): ["v0", "v1", "v2", "v3"],
    }
    for (name, value), ids in expected.items():
        found = (await http.get(VIDEOS, params={name: value})).json()["videos"]
        assert [video["video_id"] for video in found] == ids, name
    for params in ({"limit": 0}, {"published_since": "today"}, {"published_since": ""}, {"category": "\n"}, {"q": "x"}):
        error_of(await http.get(VIDEOS, params=params), 422, "unprocessable")
    error_of(await http.get(VIDEOS, params={"cursor": "?"}), 400, "malformed")


async def test_a_slash_of_an_id_is_no_slash_of_the_address(http: httpx.AsyncClient) -> None:
    for sent, video_id in (
        ("a%2Fb", "a/b"),
        ("x%2Fhistory", "x/history"),
        ("x%2Frestore", "x/restore"),
        ("Zo%C3%AB", "Zoë"),
    ):
        assert (await put(http, sent))["video_id"] == video_id
        assert (await http.get(f"{VIDEOS}/{sent}")).json()["video_id"] == video_id
        assert (await http.get(f"{VIDEOS}/{sent}/history")).json()["video_id"] == video_id
        assert (await http.post(f"{VIDEOS}/{sent}/restore")).json()["video"]["video_id"] == video_id
    options = await http.options(f"{VIDEOS}/x")
    assert (options.status_code, options.headers["allow"]) == (405, "DELETE, GET, PATCH, PUT")
    error_of(await http.get(f"{VIDEOS}/a/b"), 404, "not_found")
    error_of(await http.get(f"{VIDEOS}/a/b/history"), 404, "not_found")
    for method, path, allowed in (
        ("GET", f"{VIDEOS}/x/restore", "POST"),
        ("PUT", f"{VIDEOS}/x/history", "GET"),
        ("POST", f"{VIDEOS}/x%2Frestore", "DELETE, GET, PATCH, PUT"),
    ):
        reply = await http.request(method, path, json=FILM)
        error_of(reply, 405, "method_not_allowed")
        assert reply.headers["allow"] == allowed


async def test_a_catalog_that_is_being_written_is_said_and_still_read(http: httpx.AsyncClient, home: Home) -> None:
    (home.root / "marquee.toml").write_text("[catalog]\nbusy_seconds = 0.1\n")
    await put(http, "v1")
    with closing(sqlite3.connect(home.root / "catalog.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            reply = await http.put(f"{VIDEOS}/v1", json=WHOLE)
            error = error_of(reply, 503, "catalog_down")
            assert (reply.headers["retry-after"], error["details"]) == ("1", {"changed": "unknown"})
        refused = await http.delete(f"{VIDEOS}/v1")  # by now nobody asks it
        assert error_of(refused, 503, "catalog_down")["details"] == {"changed": "none"}
        assert (await http.get(f"{VIDEOS}/v1")).status_code == 200
        error_of(await http.put(f"{VIDEOS}/v1", json={}), 422, "unprocessable")


async def test_without_a_catalog_the_answer_says_what_to_do(made: Made, home: Home, tmp_path: Path) -> None:
    homeless, empty = Made(), Made(Home(tmp_path / "empty"))
    for other, said in ((homeless, "started without a home"), (empty, "run `marquee simulate`")):
        async with client_of(create_app(lambda other=other: other.engine)) as http:  # type: ignore[misc]
            reply = await http.get(f"{VIDEOS}/v1")
            assert said in error_of(reply, 503, "no_catalog")["message"]
            assert "retry-after" not in reply.headers
        other.engine.close()
    (home.root / "catalog.db").write_text("no database, but text that is long enough to be looked at" * 99)
    async with client_of(create_app(lambda: made.engine)) as http:
        error = error_of(await http.get(f"{VIDEOS}/v1"), 503, "catalog_unusable")
    assert str(home.root) not in error["message"]


async def test_a_database_that_is_down_is_said_and_asked_again(made: Made, home: Home) -> None:
    (home.root / "marquee.toml").write_text('[catalog]\nurl = "postgresql://marquee:hunter2@127.0.0.1:1/catalog"\n')
    async with client_of(create_app(lambda: made.engine)) as http:
        reply = await http.get(f"{VIDEOS}/v1")
        error = error_of(reply, 503, "catalog_down")
        assert reply.headers["retry-after"] == "1"
        assert "hunter2" not in reply.text
        assert error["message"] == "the catalog does not answer; try again"
        (home.root / "marquee.toml").unlink()  # read when it is opened, which it was not
        error_of(await http.get(f"{VIDEOS}/v1"), 404, "unknown_video")


async def test_a_home_with_another_world_is_opened_anew(http: httpx.AsyncClient, home: Home, tmp_path: Path) -> None:
    await put(http, "v1")
    other = catalog_home(tmp_path / "other")
    for suffix in ("-wal", "-shm"):
        (home.root / f"catalog.db{suffix}").unlink(missing_ok=True)
    shutil.copyfile(other.root / "catalog.db", tmp_path / "arriving.db")
    (tmp_path / "arriving.db").replace(home.root / "catalog.db")
    error_of(await http.get(f"{VIDEOS}/v1"), 404, "unknown_video")
    assert (await put(http, "v1"))["version"] == 1
