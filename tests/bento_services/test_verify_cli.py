"""`marquee verify-page` and the client's check, on pages as they are sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from worlds.ruled_pages import pages

import marquee
from bento_services.client import Client


@pytest.fixture(scope="module")
def sent() -> dict[str, Any]:
    page: dict[str, Any] = json.loads(json.dumps(next(pages(0)).to_json()))
    assert len(page["rows"]) > 1
    return page


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(marquee.command_line(), ["verify-page", *arguments], input=given)


def test_a_page_as_it_was_sent_is_true(sent: dict[str, Any], tmp_path: Path) -> None:
    assert Client.verify(sent) == []
    (tmp_path / "page.json").write_text(json.dumps(sent))
    assert run(str(tmp_path / "page.json")).exit_code == 0
    found = run("-", "--json", given=json.dumps(sent))
    assert json.loads(found.stdout)["relaxed"] == sent["certificate"]["relaxed"]


def another_creator(page: dict[str, Any]) -> None:
    for item in page["recommendations"]:
        item["channel"] = "Everything is mine"


def twice(page: dict[str, Any]) -> None:
    page["rows"][1]["items"].append(page["rows"][0]["items"][0])


def silent(page: dict[str, Any]) -> None:
    del page["certificate"]["rules"][-1]


def bent(page: dict[str, Any]) -> None:
    page["certificate"]["rules"][3]["bar"] += 1


def unrelaxed(page: dict[str, Any]) -> None:
    another_creator(page)
    for rule in page["certificate"]["rules"]:
        if rule["rule"] == "max_per_creator":
            rule |= {"found": len(page["recommendations"]), "kept": False}


def others(page: dict[str, Any]) -> None:
    for item in page["recommendations"]:
        item["video_id"] = "zzz"


def backwards(page: dict[str, Any]) -> None:
    page["recommendations"].reverse()


def too_modest(page: dict[str, Any]) -> None:
    kept = [one["rule"] for one in page["certificate"]["rules"] if one["kept"]]
    page["certificate"]["relaxed"].append(kept[-1])


def invented(page: dict[str, Any]) -> None:
    page["certificate"]["rules"].append({"rule": "max_fun", "bar": 1, "found": 9, "kept": True})


def alike(page: dict[str, Any]) -> None:
    (rule,) = (one for one in page["certificate"]["rules"] if one["rule"] == "near_duplicates_on_page")
    rule |= {"found": 5}


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (others, "recommendations: they are others than those in their row"),
        (backwards, "recommendations: they are others than those in their row"),
        (too_modest, "it is listed as relaxed, and is not"),
        (invented, "max_fun: there is no such rule"),
        (alike, "the certificate contradicts itself"),
        (another_creator, "max_per_creator: the certificate says"),
        (twice, "it is on the page 2 times"),
        (silent, "the certificate does not speak of it"),
        (bent, "the page shows"),
        (unrelaxed, "the certificate does not list it as relaxed"),
    ],
)
def test_a_page_that_is_not_as_it_says_is_found_out(
    sent: dict[str, Any], lie: Callable[[dict[str, Any]], None], said: str
) -> None:
    page = copy.deepcopy(sent)
    lie(page)
    assert any(said in fault for fault in Client.verify(page))
    refused = run("-", given=json.dumps(page))
    assert "not as its certificate says" in str(refused.exception)


@pytest.mark.parametrize("given", ["", "{}", "[]", '{"rows": []}', "not json"])
def test_what_is_no_page_is_said_to_be_none(given: str) -> None:
    assert run("-", given=given).exit_code == 2
