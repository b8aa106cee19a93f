"""Two revisions asked the same questions: a refactoring must change no answer, to the byte.

    python tests/benchmarks/equal_answers.py digest --home DIR --out FILE [--root CHECKOUT]
    python tests/benchmarks/equal_answers.py compare OLD.json NEW.json

`digest` asks one checkout about copies of one home (simulated, with a champion), through the commands and routes that
every revision has: pages of 200 viewers in 3 contexts, with the page behind each cursor; the online store after 400
events; `recommend --all` in both stages; `score`; `evaluate`. The clock stands still for every process, so that ages
and request times are equal. Only timings are left out of an answer. `make equal BASE=<revision>` does both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import redis

CONTEXTS: tuple[dict[str, Any], ...] = (
    {"device": "mobile", "country": "DE", "utc_offset_minutes": 120},
    {"device": "tv", "utc_offset_minutes": -300},
    {},
)
VIEWERS, EVENTS, DEADLINE_MS, TRIES = 200, 400, 10_000, 20
EVENT_KINDS = ("watch", "click", "like", "watch", "dislike", "watch", "share", "not_interested")
TIMINGS = ("stage_ms", "seconds", "fit_seconds", "out", "milliseconds")
FROZEN_CLOCK = "import time\ntime.time = lambda: {now!r}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    digest = verbs.add_parser("digest", help="ask one checkout and write what it answered")
    digest.add_argument("--home", type=Path, required=True, help="a home with a champion; it is copied, not changed")
    digest.add_argument("--out", type=Path, required=True, help="JSON: part -> answers")
    digest.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the checkout to ask")
    compare = verbs.add_parser("compare", help="say which answers differ; ends with 1 where one does")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    options = parser.parse_args(arguments)
    if options.verb == "compare":
        return _compare(json.loads(options.old.read_text()), json.loads(options.new.read_text()))
    options.out.write_text(
        json.dumps(_digest(options.root.resolve(), options.home.resolve()), indent=1, sort_keys=True)
    )
    print(f"wrote {options.out}")
    return 0


def _digest(root: Path, home: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="equal-") as scratch:
        environment = _environment(root, home, Path(scratch))
        answers: dict[str, Any] = {}
        with _copy(home, scratch) as copy, _served(root, copy, environment) as url:
            answers |= _pages(url, _viewers(copy))
            answers["folded"] = _folded(url, copy)
        with _copy(home, scratch) as copy:
            for stage in ("retrieval", "full"):
                out = Path(scratch) / f"{stage}.parquet"
                _marquee(root, environment, "recommend", "--all", "-n", "20", "--stage", stage, "--out", out, home=copy)
                answers[f"recommend --all --stage {stage}"] = _table(out)
            rows, scored = _rows_to_score(copy, Path(scratch)), Path(scratch) / "scored.parquet"
            _marquee(root, environment, "score", "--rows", rows, "--out", scored, home=copy)
            answers["score"] = _table(scored)
            answers["evaluate"] = _without_timings(
                json.loads(_marquee(root, environment, "evaluate", "--json", home=copy))
            )
        return answers


def _environment(root: Path, home: Path, scratch: Path) -> dict[str, str]:
    """Every process imports `root` and sees the clock of the moment at which the world was made."""
    frozen = scratch / "frozen"
    frozen.mkdir()
    now = (home / "world.json").stat().st_mtime
    (frozen / "sitecustomize.py").write_text(FROZEN_CLOCK.format(now=now))
    kept = {name: value for name, value in os.environ.items() if name not in ("MARQUEE_HOME", "REDIS_URL")}
    return {**kept, "PYTHONPATH": f"{frozen}{os.pathsep}{root}", "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}


@contextmanager
def _copy(home: Path, scratch: str) -> Iterator[Path]:
    copy = Path(scratch) / "home"
    shutil.copytree(home, copy, symlinks=True, ignore=shutil.ignore_patterns("run", "*.sock"))
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


@contextmanager
def _served(root: Path, home: Path, environment: dict[str, str]) -> Iterator[str]:
    command = [sys.executable, "marquee.py", "serve", "--http-port", "0", "--grpc-port", "0", "--home", str(home)]
    server = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = server.stdout.readline().split()
        assert said, f"`marquee serve` of {root} did not start"
        yield said[1].rstrip("/")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _marquee(root: Path, environment: dict[str, str], *arguments: object, home: Path) -> str:
    command = [sys.executable, "marquee.py", *map(str, arguments), "--home", str(home)]
    shown = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise SystemExit(f"{' '.join(command)}\n{shown.stderr}")
    return shown.stdout


def _viewers(home: Path) -> list[str]:
    users = [str(user) for user in pq.read_table(home / "lake" / "users.parquet")["user_id"].to_pylist()]
    return [*sorted(users)[: VIEWERS - 2], "nobody-yet", "another stranger"]


def _pages(url: str, viewers: Sequence[str]) -> dict[str, Any]:
    pages: dict[str, Any] = {}
    with httpx.Client(base_url=url, timeout=60) as client:
        for viewer in viewers:
            for number, context in enumerate(CONTEXTS):
                cursor = ""
                for page in ("first", "second"):
                    name = f"page {viewer} {number} {page}"
                    body = _page(client, viewer, context, cursor, name)
                    pages[name], cursor = _without_timings(body), body.get("cursor") or ""
    return pages


def _page(client: httpx.Client, viewer: str, context: dict[str, Any], cursor: str, name: str) -> dict[str, Any]:
    headers = {"X-User-Id": viewer, "X-Request-Id": hashlib.md5(name.encode()).hexdigest()}
    headers["X-Context"] = json.dumps({**context, "deadline_ms": DEADLINE_MS})
    parameters = {"limit": "20", "explain": "true", **({"cursor": cursor} if cursor else {})}
    for _ in range(TRIES):
        answer = client.get("/api/v1/recommendations/home", params=parameters, headers=headers)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        if not body["warnings"]:  # a busy machine made the store late, and the page came from a lower rung
            return body
        time.sleep(0.2)
    raise SystemExit(f"{name}: {body['served_by']} after {TRIES} tries: {'; '.join(body['warnings'])}")


def _folded(url: str, home: Path) -> dict[str, str]:
    """Hash of every feature row in the online store, after events of fixed ids and times were folded into it."""
    events = pq.read_table(home / "lake" / "events").sort_by([("timestamp_us", "descending")])
    events = events.select(["user_id", "video_id", "timestamp_us"]).slice(0, EVENTS).to_pylist()
    with httpx.Client(base_url=url, timeout=60) as client:
        for number, event in enumerate(reversed(events)):
            kind = EVENT_KINDS[number % len(EVENT_KINDS)]
            sent = {"event_id": f"equal-{number}", "user_id": event["user_id"], "item_id": event["video_id"]}
            sent |= {"event": kind, "duration_sec": 10.0 * (number % 40), "timestamp": event["timestamp_us"]}
            client.post("/api/v1/events", json=sent).raise_for_status()
        give_up = time.monotonic() + 60
        while not client.get(f"/api/v1/events/equal-{EVENTS - 1}").json().get("visible"):
            assert time.monotonic() < give_up, "the events were not folded within 60 s"
            time.sleep(0.1)
    address = json.loads((home / "valkey" / "address.json").read_text())
    store = redis.Redis(port=address["port"], password=address["password"])
    rows = {}
    for key in store.scan_iter(count=1000, _type="hash"):
        held: Any = store.hgetall(key)
        row = sorted(held.items())
        rows[key.hex()] = hashlib.sha256(repr(row).encode()).hexdigest()
    store.close()
    return rows


def _rows_to_score(home: Path, scratch: Path) -> Path:
    rows = pq.read_table(home / "lake" / "impressions").sort_by([("timestamp_us", "descending")]).slice(0, 5000)
    rows = rows.rename_columns(["item_id" if name == "video_id" else name for name in rows.column_names])
    rows = rows.rename_columns(["timestamp" if name == "timestamp_us" else name for name in rows.column_names])
    path = scratch / "rows.parquet"
    pq.write_table(rows.select(["user_id", "item_id", "timestamp", "surface", "device"]), path)
    return path


def _table(path: Path) -> dict[str, str]:
    table = pq.read_table(path)
    return {name: hashlib.sha256(repr(table[name].to_pylist()).encode()).hexdigest() for name in table.column_names} | {
        "rows": str(table.num_rows)
    }


def _without_timings(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _without_timings(value) for name, value in answer.items() if name not in TIMINGS}
    return [_without_timings(value) for value in answer] if isinstance(answer, list) else answer


def _compare(old: dict[str, Any], new: dict[str, Any]) -> int:
    different = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    for name in different[:20]:
        print(f"differs: {name}\n  old {_first_difference(old.get(name), new.get(name))}")
    pages = sum(name.startswith("page ") for name in old)
    print(f"{len(old)} answers compared ({pages} pages, {len(old.get('folded', {}))} feature rows after events), "
          f"{len(different)} differ")  # fmt: skip
    return 1 if different else 0


def _first_difference(old: Any, new: Any, at: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            if old.get(name) != new.get(name):
                return _first_difference(old.get(name), new.get(name), f"{at}.{name}")
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            if one != other:
                return _first_difference(one, other, f"{at}[{place}]")
    return f"{at}: {str(old)[:200]} | new {str(new)[:200]}"


if __name__ == "__main__":
    sys.exit(main())
