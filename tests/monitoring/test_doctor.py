"""`marquee doctor` names what is wrong with a home and its machine, and what to run."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner
from worlds.toy import toy_home

from bento_services.admission.key_file import create_key
from bento_services.admission.keys import keys_path
from feature_repo.core.errors import DependencyDown, HomeError, MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.settings import REDIS_URL
from feature_repo.store.feast_registry import apply_definitions
from marquee import app
from monitoring import doctor
from monitoring.doctor import OF_A_HOME, OF_THE_MACHINE, Finding, examine, require_health


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = toy_home(tmp_path / "home")
    world = opened.world()
    newest = doctor._newest_event_us(opened) / 1e6
    opened.write_world(replace(world, clock_offset_seconds=newest + 3600 - time.time()))  # an hour after its last event
    yield opened
    REDIS_URL.unset()


def finding(home: Home, name: str) -> Finding:
    return next(one for one in examine(home) if one.name == name)


def test_a_sound_home_has_one_finding_for_every_check_and_none_failed(home: Home) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*") if path.is_file()}
    findings = examine(home)
    assert [one.name for one in findings] == [*OF_THE_MACHINE, *OF_A_HOME]
    assert [one for one in findings if one.state == "failed"] == []
    require_health(home, findings)
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*") if path.is_file()} == before


def cut_users(home: Home) -> None:
    path = home.lake / "users.parquet"
    path.write_bytes(path.read_bytes()[:20])


def ahead(home: Home) -> None:
    home.write_world(replace(home.world(), clock_offset_seconds=-1e9))


def quiet(home: Home) -> None:
    home.write_world(replace(home.world(), clock_offset_seconds=home.world().clock_offset_seconds + 90 * 86_400))


def open_keys(home: Home) -> None:
    create_key(home, "web", ["serve"])
    keys_path(home).chmod(0o644)


def broken_keys(home: Home) -> None:
    keys_path(home).write_text("{")


def nowhere(home: Home) -> None:
    home.releases.mkdir(exist_ok=True)
    (home.releases / "champion").write_text("r-0123456789ab")


def torn_pointer(home: Home) -> None:
    home.releases.mkdir(exist_ok=True)
    (home.releases / "previous").write_bytes(b"\xff\xfe")


def unknown_setting(home: Home) -> None:
    (home.root / "marquee.toml").write_text("[feed]\nnosuch = 1\n")


def torn_registry(home: Home) -> None:
    apply_definitions(home)
    registry = home.feast / "registry.db"
    registry.write_bytes(registry.read_bytes()[:101])


def rejected(home: Home) -> None:
    (home.rejected / "lake").mkdir(parents=True)
    (home.rejected / "lake" / "events.jsonl").write_text("{}\n")


def store_is_away(_: Home) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        REDIS_URL.set(f"redis://127.0.0.1:{probe.getsockname()[1]}/0")


@pytest.mark.parametrize(
    ("damage", "name", "state", "said"),
    [
        (cut_users, "world", "failed", "users.parquet: expected a Parquet file"),
        (lambda home: (home.root / "world.json").write_text("{"), "world", "failed", "world.json"),
        (ahead, "clock", "failed", "which is ahead"),
        (quiet, "clock", "warning", "90 days ago"),
        (open_keys, "keys", "failed", "open to others (0644, expected 0600)"),
        (broken_keys, "keys", "failed", "no list of keys"),
        (nowhere, "champion", "failed", "r-0123456789ab"),
        (torn_pointer, "previous", "failed", "expected a release id"),
        (unknown_setting, "settings", "failed", "nosuch"),
        (torn_registry, "Feast registry", "warning", "expected a registry of Feast"),
        (rejected, "rejected rows", "warning", "1 files in"),
        (store_is_away, "online store", "failed", "REDIS_URL"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_run(
    home: Home, damage: Callable[[Home], object], name: str, state: str, said: str
) -> None:
    damage(home)
    found = finding(home, name)
    assert (found.state, said in found.found, bool(found.fix)) == (state, True, True), found


def test_a_port_that_another_program_has_is_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(doctor, "DEFAULT_PORTS", (taken.getsockname()[1],))
        found = finding(home, "ports")
    assert (found.state, found.fix) == ("warning", "marquee serve --http-port 0 --grpc-port 0")


def test_packages_that_are_too_old_fail_and_those_of_a_role_may_be_absent(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ["numpy>=2.0", "nosuch>=1; extra == 'train'"])
    assert finding(home, "packages").found == "not installed for train: nosuch"
    assert finding(home, "packages").state == "warning"
    monkeypatch.setattr(doctor, "requires", lambda _: ["numpy>=99", "nosuch>=1; extra == 'train'"])
    assert (finding(home, "packages").state, "expected >=99" in finding(home, "packages").found) == ("failed", True)
    monkeypatch.setattr(doctor, "requires", lambda _: ["nosuch>=1"])
    assert finding(home, "packages").state == "failed"


def test_how_it_ends_says_whether_a_dependency_is_down_or_more(home: Home) -> None:
    down, broken = Finding("online store", "failed", "away", "", True), Finding("keys", "failed", "open", "")
    with pytest.raises(DependencyDown, match="1 of 1 checks failed: online store"):
        require_health(home, [down])
    with pytest.raises(MarqueeError, match="2 of 2 checks failed: online store, keys") as raised:
        require_health(home, [down, broken])
    assert raised.value.exit_status == 1
    require_health(home, [Finding("ports", "warning", "taken", "")])


def test_without_a_home_the_machine_is_checked_and_the_home_is_missed(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--home", os.fspath(tmp_path / "nosuch"), "--json"])
    assert isinstance(result.exception, HomeError)
    checks = json.loads(result.stdout)["checks"]
    assert [one["name"] for one in checks] == [*OF_THE_MACHINE, "home"]
    assert checks[-1]["state"] == "failed"
