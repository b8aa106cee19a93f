"""A home that can be served seconds after it was asked for: real release files, real store layout, models that nobody
trained. For tests of what surrounds the models: processes, protocols, swaps, packages, the browser."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from worlds.arithmetic import BIG, NOW_US, big_users, big_videos

from feature_repo.compute.columns import repeated
from feature_repo.compute.inputs import context_columns
from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.registry import VIEWS
from feature_repo.schema import RANK_SERVICE, USER_VIEWS, VIDEO_VIEWS
from feature_repo.store.connect import connect
from feature_repo.store.layout import announce, encode_row, entity_key
from feature_repo.store.memory import MemoryReader
from feature_repo.store.valkey_server import online_store
from models.candidates.item_cf import ItemNeighbours
from models.candidates.popularity import Popularity
from models.encoding.ranker import RankerEncoding, rank_columns
from models.encoding.sequence import SequenceEncoding
from models.page.policy_file import POLICY
from models.ranking.network import Ranker, quantile_knots
from models.ranking.ranker import RankerModel
from models.ranking.served_network import ranker_model
from models.release.manifest import MANIFEST, Cuts, Manifest
from models.retrieval.content import ContentEncoding
from models.retrieval.index import VideoIndex
from models.retrieval.tower_config import TowerConfig
from models.retrieval.two_tower import TwoTower, retrieval_model

VIDEOS = 150
TITLES = ("The Silent Harbour", "Paper Orbit", "Last Train to Velm", "A Kitchen in Winter", "Golden Static", "Undertow")


def videos() -> dict[str, dict[str, Any]]:
    """Whole rows, as materializing writes them."""
    found = big_videos(VIDEOS)
    for number, video in enumerate(found.values()):
        video["title"] = f"{TITLES[number % len(TITLES)]} {number // len(TITLES) + 1}"
    return found


def untrained_home(directory: Path) -> Home:
    """A world with an online store, a champion release and a second one to promote."""
    home = Home(directory)
    world = replace(BIG, clock_offset_seconds=NOW_US / 1e6 - time.time(), example_user="u001")
    home.write_world(world)
    with online_store(home) as url:
        client = connect(url, 5.0)
        rows = [("video_id", VIDEO_VIEWS, videos()), ("user_id", USER_VIEWS, big_users(videos=VIDEOS))]
        for join_key, views, entities in rows:
            for entity_id, values in entities.items():
                for view in views:
                    row = {name: values[name] for name in VIEWS[view] if name in values}
                    client.hset(entity_key(join_key, entity_id), mapping=encode_row(view, row, NOW_US - 3_600_000_000))
        announce(client, video_ids=rows[0][2], user_ids=rows[1][2])
        client.close()
    first = write_release(home, seed=1)
    write_release(home, seed=2)
    promote(home, first)
    return home


def home_with_previous(directory: Path) -> Home:
    """An untrained home whose champion and previous are its two releases."""
    home = untrained_home(directory)
    first, second = releases(home)
    promote(home, second)
    (home.releases / "previous").write_text(first + "\n")
    return home


def promote(home: Home, release_id: str) -> None:
    write_atomic(home.releases / "champion", release_id + "\n")


def releases(home: Home) -> list[str]:
    """Those of this home, the champion first."""
    champion = (home.releases / "champion").read_text().strip()
    others = sorted(path.name for path in home.releases.iterdir() if path.is_dir() and path.name != champion)
    return [champion, *others]


def write_release(home: Home, seed: int) -> str:
    torch.manual_seed(seed)
    world = home.world()
    catalog, users = videos(), big_users(videos=VIDEOS)
    reader = MemoryReader(world, users, catalog)
    snapshot = reader.snapshot()
    ids = tuple(str(video_id) for video_id in snapshot.video_ids)
    content = ContentEncoding.fit(snapshot.columns, text_dimensions=8)
    tower = TowerConfig(dim=16, blocks=1, length=20)
    network = TwoTower(content.encode(snapshot.columns), len(content.creators), len(content.languages), tower)
    retrieval = retrieval_model(network, SequenceEncoding(ids, tower.length), content)
    histories = [list(user["history_video_ids"]) for user in users.values()]

    draft = home.releases / f"draft-{seed}"
    retrieval.save(draft / "two_tower")
    VideoIndex.build(ids, retrieval.item_vectors).save(draft / "index")
    _ranker(reader).save(draft / "ranker")
    ItemNeighbours.fit(histories, k=20).save(draft / "item_cf")
    watches = ((video_id, NOW_US - 1) for history in histories for video_id in history)
    popularity = Popularity.fit(watches, NOW_US)
    popularity.save(draft / "popularity")
    static = [{"video_id": video_id, **catalog[video_id]} for video_id in popularity.top(100)]
    (draft / "static.json").write_text(json.dumps(static))
    shutil.copyfile(POLICY, draft / "policy.toml")
    created, cuts = "2025-06-06T00:00:00+00:00", Cuts(0, 0, NOW_US)
    manifest = Manifest(created, hashes(draft), world, RANK_SERVICE, cuts).identified()
    (draft / MANIFEST).write_bytes(manifest.to_bytes())
    draft.rename(home.releases / manifest.release_id)
    return manifest.release_id


def _ranker(reader: MemoryReader) -> RankerModel:
    snapshot = reader.snapshot()
    user = {**reader.user("u001").columns(), "user_id": np.array(["u001"], dtype=object)}
    count = len(snapshot)
    context = context_columns([NOW_US], ["desktop"], [0], ["home"])
    videos = {**snapshot.columns, "video_id": snapshot.video_ids}
    columns = repeated(rank_columns(user, videos, context, np.linspace(-1, 1, count), reader.world))
    encoding = RankerEncoding.fit(columns)
    knots_FK = quantile_knots(encoding.encode(columns).dense)
    network = Ranker(knots_FK, encoding.cardinalities, width=16, embedding=4)
    return ranker_model(network, encoding, seconds_at_rank=(0.0, 600.0, 3600.0))
