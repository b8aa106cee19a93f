"""A home in which every verb has left something: what can be damaged is found there, not written down."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.settings import child_environment
from models.page.policy_file import POLICY

ROOT = Path(__file__).resolve().parents[2]
ROWS = "rows.parquet"  # for `score`
EVENTS = "events.jsonl"  # for `events send --file`
FILM = "film.json"  # for `videos put`
FILMS = "films"  # a folder for `ingest movielens`
# In one process: starting it takes longer than most of them. The second release makes `previous` point somewhere.
VERBS = (
    "keys create web --scope serve",
    "keys create product --scope serve --viewer token",
    "off-policy",
    "promote --force",
    "release",
    f"score --rows {ROWS} --out scored.parquet",
    "report",
)
PROGRAM = """
import sys
from feature_repo.core.command_line import status_of
from marquee import app
for verb in sys.argv[1:]:
    if status := status_of(lambda: app(verb.split(), "marquee")):
        sys.exit(f"{verb}: {status}")
import os
sys.stdout.flush()
os._exit(0)
"""


def make_whole(home: Path) -> Path:
    """Let every verb that writes something do so in this released home."""
    from bento_services.process.ports import Ports
    from feature_repo.core.home import Home

    rows = {"user_id": ["u00042", "u00007"], "item_id": ["v00001", "v00002"], "timestamp": [1_795_000_000] * 2}
    pq.write_table(pa.table(rows), home / ROWS)
    (home / FILM).write_text(json.dumps({"video_id": "film", "title": "A film", "duration_seconds": 60}) + "\n")
    (home / EVENTS).write_text(json.dumps({"user_id": "u00042", "video_id": "v00001", "event": "click"}) + "\n")
    (home / FILMS).mkdir()
    (home / FILMS / "movies.csv").write_text("movieId,title,genres\n1,Up (2009),Drama\n2,Jaws (1975),Thriller\n")
    ratings = [f"{user},{film},4.0,{1_600_000_000 + user}" for user in range(1, 9) for film in (1, 2)]
    (home / FILMS / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings]) + "\n")
    (home / "marquee.toml").write_text("[feed]\ndeadline_ms = 200\n")
    (home / "policy.toml").write_text("# of this home\n" + POLICY.read_text())
    subprocess.run(
        [sys.executable, "-c", PROGRAM, *VERBS],
        cwd=home,
        check=True,
        env=child_environment(MARQUEE_HOME=str(home), PYTHONPATH=str(ROOT)),
    )
    shutil.rmtree(home / "run", ignore_errors=True)
    (home / "run").mkdir()
    (home / "run" / "ports.json").write_text(json.dumps(asdict(Ports("127.0.0.1", 1, 2, pid=1, started=1)), indent=2))
    assert Ports.read(Home(home)) is None
    return home
