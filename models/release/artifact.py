"""A release on disk: everything one version of the recommender needs, verified before any parser sees it.

    HOME/releases/<release_id>/
        manifest.json     release_id, created, files {path: sha256}, world, feature_service, metrics, cuts, mlflow
        two_tower/ ranker/ item_cf/ popularity/     the models as they were trained; the first two after their refit
        two_tower_judged/ ranker_judged/    as those two were before it, not having seen what the evaluation asks for
        matrix_factorization/ content_neighbours/ blend/   of the other sources; a release may lack them
        index/            faiss over every video's vector
        policy.toml       the feed's declared policy, when the release carries one
        static.json       popular videos with their metadata: what is shown when nothing else can be read
        evaluation.json   the figures the release was judged by
    HOME/releases/champion, previous     text files that hold a release id

Bit flips load silently in faiss, safetensors and torch, hence SHA-256 of every file first. The release id is the hash
of what the manifest says of the content: the same content is the same release.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.core.hashes import canonical, sha256_of
from feature_repo.core.home import Home, World
from models.candidates.fusion import Blend
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AREA_FILE, AreaPopularity, Popularity
from models.encoding.ranker import EncodingError
from models.page.exposure import ExposurePrices
from models.ranking.ranker import RankerModel
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex

MANIFEST = "manifest.json"
CHAMPION, PREVIOUS = "champion", "previous"
JUDGED = ("two_tower", "ranker")  # of which a release may hold what they were before they were refitted
# What the id is the hash of. When it was made and where MLflow lists it do not make it another release.
CONTENT_FIELDS = ("files", "world", "feature_service", "cuts")
REQUIRED_FILES = ("two_tower/config.json", "ranker/config.json", "index/ids.json", "static.json", "policy.toml")


class ArtifactError(MarqueeError):
    """A release that is not what its manifest says; the message names the file."""


@dataclass(frozen=True)
class Release:
    """One verified version of everything; the only thing that training hands to serving."""

    release_id: str
    path: Path
    manifest: Mapping[str, Any]
    world: World
    retrieval: RetrievalModel
    index: VideoIndex
    ranker: RankerModel
    item_cf: ItemNeighbours
    popularity: Popularity
    policy_path: Path
    static_videos: tuple[Mapping[str, Any], ...]  # registry.VIDEO_PROFILE and video_id, most popular first
    factors: MatrixFactorization | None = None
    content: ItemNeighbours | None = None
    area: AreaPopularity | None = None
    blend: Blend | None = None  # None: candidates come in the order of their sources
    exposure: ExposurePrices | None = None  # None: `marquee frontier` chose none


def load_release(path: Path) -> Release:
    """Verify every file, then load. Raises ArtifactError naming the file at fault."""
    manifest = verify(path)
    parts = {name.split("/")[0] for name in manifest["files"]}
    return Release(
        release_id=manifest["release_id"],
        path=path,
        manifest=manifest,
        world=World.from_json(manifest["world"]),
        retrieval=RetrievalModel.load(path / "two_tower"),
        index=VideoIndex.load(path / "index"),
        ranker=RankerModel.load(path / "ranker"),
        item_cf=ItemNeighbours.load(path / "item_cf"),
        popularity=Popularity.load(path / "popularity"),
        policy_path=path / "policy.toml",
        static_videos=tuple(json.loads((path / "static.json").read_text())),
        factors=MatrixFactorization.load(path / "matrix_factorization") if "matrix_factorization" in parts else None,
        content=ItemNeighbours.load(path / "content_neighbours") if "content_neighbours" in parts else None,
        area=AreaPopularity.load(path / "popularity") if f"popularity/{AREA_FILE}" in manifest["files"] else None,
        blend=Blend.load(path / "blend") if "blend" in parts else None,
        exposure=ExposurePrices.load(path / "exposure") if "exposure" in parts else None,
    )


def verify(path: Path) -> dict[str, Any]:
    """The manifest of a release of which every byte is as it was written. Raises ArtifactError."""
    manifest = _read_manifest(path)
    if path.name.startswith("r-") and path.name != manifest["release_id"]:
        raise ArtifactError(f"{path / MANIFEST}: this is release {manifest['release_id']}, not {path.name}")
    missing = [name for name in REQUIRED_FILES if name not in manifest["files"]]
    if missing:
        raise ArtifactError(f"{path / MANIFEST}: a release holds {', '.join(REQUIRED_FILES)}; not listed: {missing[0]}")
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.is_file():
            raise ArtifactError(f"{file}: listed in the manifest but not there (rebuild with `marquee promote`)")
        if (found := sha256_of(file)) != expected:
            raise ArtifactError(f"{file}: expected sha256 {expected[:12]}…, found {found[:12]}…; the file was changed")
    return manifest


def judged_name(model: str) -> str:
    return f"{model}_judged"


def refitted_name(model: str) -> str:
    """Beside a trained model in HOME/models: the same after it learned from everything, the test window included."""
    return f"{model}_refit"


def judged(path: Path, model: str) -> Path:
    """Where a release keeps the model, of JUDGED, that may be asked for what the served one has learned since."""
    kept = path / judged_name(model)
    return kept if kept.is_dir() else path / model


def as_judged(release: Release) -> Release:
    """The release with the models that evaluation judged, which have not seen the answers of the test window."""
    return replace(
        release,
        retrieval=RetrievalModel.load(judged(release.path, "two_tower")),
        ranker=RankerModel.load(judged(release.path, "ranker")),
    )


def champion(home: Home) -> Path:
    """Where the promoted release lies. Raises HomeError when nothing was promoted yet."""
    path = pointed_at(home, CHAMPION)
    if path is None:
        raise HomeError(f"no release at {home.root}: run `marquee train`, `marquee evaluate`, `marquee promote` first")
    return path


def pointed_at(home: Home, pointer: str) -> Path | None:
    """The release that `champion` or `previous` names; None before there is one. Raises ArtifactError."""
    file = home.releases / pointer
    if not file.exists():
        return None
    release_id = file.read_bytes().strip()
    if not re.fullmatch(rb"r-[0-9a-f]{12}", release_id):
        raise ArtifactError(f"{file}: expected a release id, found {release_id[:40]!r}")
    return home.releases / release_id.decode()


def pointers(home: Home) -> dict[str, str | None]:
    """What `champion` and `previous` say, as it is written."""
    files = {name: home.releases / name for name in (CHAMPION, PREVIOUS)}
    return {name: file.read_text().strip() if file.exists() else None for name, file in files.items()}


def load_champion(home: Home) -> tuple[Release, list[str]]:
    """The champion, or, when it is corrupt, the previous release; with what was wrong with those refused."""
    problems: list[str] = []
    for locate in (champion, lambda home: pointed_at(home, PREVIOUS)):
        try:
            if (path := locate(home)) is not None:
                return load_release(path), problems
        except (ArtifactError, EncodingError) as error:
            problems.append(str(error))
    raise ArtifactError("no release can be loaded: " + "; ".join(problems))


def content_id(manifest: Mapping[str, Any]) -> str:
    """`r-` and 12 hexadecimal digits of the content's hash."""
    content = {name: manifest[name] for name in CONTENT_FIELDS}
    return "r-" + hashlib.sha256(canonical(content)).hexdigest()[:12]


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The one way to write a manifest: with a checksum over all of it, so that no byte of it can change unseen."""
    body = {name: value for name, value in manifest.items() if name != "checksum"}
    return canonical({**body, "checksum": hashlib.sha256(canonical(body)).hexdigest()})


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        raw = file.read_bytes()
        manifest: dict[str, Any] = json.loads(raw)
        sound = manifest_bytes(manifest) == raw and content_id(manifest) == manifest["release_id"]
    except FileNotFoundError:
        raise ArtifactError(f"{file}: not there; {path} is not a release") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{file}: not a manifest ({error})") from None
    if not sound:
        raise ArtifactError(f"{file}: its checksum does not fit its content; the file was changed")
    return manifest
