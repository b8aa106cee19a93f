"""A release on disk: everything one version of the recommender needs, verified before any parser sees it.

    HOME/releases/<release_id>/
        manifest.json     its files and their hashes (models/release/manifest.py)
        two_tower/ ranker/ item_cf/ popularity/     the trained models; the first two refitted, if they were
        two_tower_judged/ ranker_judged/    those two before the refit, which have not seen the test window
        matrix_factorization/ content_neighbours/   of other sources; a release may lack them
        blend/            the fusion of all sources (models/candidates/fusion.py); a release may lack it
        index/            faiss over every video's vector
        policy.toml       the feed's declared policy, when the release carries one
        static.json       popular videos with their metadata, shown if nothing else can be read
        evaluation.json   the metrics of its evaluation
    HOME/releases/champion, previous     text files that hold a release id

models/release/parts.py is the table of these parts. Faiss, safetensors and ONNX Runtime load flipped bits silently, so
the SHA-256 of every file is checked first.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_repo.core.home import Home, World
from feature_repo.core.terminal import note
from models.candidates.fusion import Fusion
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AreaPopularity, Popularity
from models.encoding.ranker import EncodingError
from models.page.exposure import ExposurePrices
from models.page.policy import PolicyError, load_policy
from models.ranking.ranker import RankerModel
from models.release.manifest import MANIFEST, ArtifactError, Manifest, verify_files
from models.release.parts import PARTS, REFITTED, REQUIRED_AT_FIRST, REQUIRED_FILES, judged_name
from models.release.store import PREVIOUS, champion, pointed_at
from models.release.untrained import untrained_models
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex


@dataclass(frozen=True)
class Release:
    """One verified version of everything that serving needs from training."""

    release_id: str
    path: Path
    manifest: Manifest
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
    fusion: Fusion | None = None  # None: candidates stay in the order of their sources
    exposure: ExposurePrices | None = None  # None: `marquee frontier` chose no prices

    @property
    def is_trained(self) -> bool:
        """Whether there are a two-tower model, an index of its vectors and a ranker to ask."""
        return self.manifest.is_trained


def load_release(path: Path) -> Release:
    """Verify every file, then load. Raises ArtifactError naming the file at fault."""
    manifest = verify(path)
    loaded = {
        part.field: part.read(path / part.name) for part in PARTS if part.field and part.is_in(manifest.files.keys())
    }
    if not manifest.is_trained:
        loaded |= untrained_models()
    release = Release(release_id=manifest.release_id, path=path, manifest=manifest, world=manifest.world, **loaded)
    return replace(release, ranker=_as_declared(release.ranker, release.policy_path)) if release.is_trained else release


def verify(path: Path) -> Manifest:
    """The manifest, after checking that it lists what a release holds, and every file of it. Raises ArtifactError."""
    manifest = verify_files(path)
    check_world(path, manifest.world)
    required = REQUIRED_FILES if manifest.is_trained else REQUIRED_AT_FIRST
    missing = [name for name in required if name not in manifest.files]
    if missing:
        raise ArtifactError(f"{path / MANIFEST}: a release holds {', '.join(required)}; not listed: {missing[0]}")
    return manifest


def check_world(path: Path, world: World) -> None:
    """Raises ArtifactError if this release, for `world`, is in HOME/releases of a home that holds another world.

    Passes if either has no world id (older revisions), and for a release outside a home.
    """
    home = Home(path.parent.parent)
    held = home.known_world() if path.parent == home.releases else None
    if held is not None and held.is_other_than(world):
        raise ArtifactError(
            f"{path}: trained on the world {world.name} ({world.world_id}), but {home.root} holds {held.name} "
            f"({held.world_id}): make a release of this world with `marquee release`"
        )


def judged(path: Path, model: str) -> Path:
    """The folder of the evaluated version of a model, one of REFITTED; the served version was refitted afterwards."""
    kept = path / judged_name(model)
    return kept if kept.is_dir() else path / model


def as_judged(release: Release) -> Release:
    """The release with the models that were evaluated, which have not seen the test window."""
    models = {part.field: part.read(judged(release.path, part.name)) for part in REFITTED}
    return replace(release, **{**models, "ranker": _as_declared(models["ranker"], release.policy_path)})


def _as_declared(ranker: RankerModel, policy: Path) -> RankerModel:
    """With the score's weights of the policy. One that is invalid is refused where it is served (PolicyError)."""
    with suppress(PolicyError):
        if (weights := load_policy(policy).score) is not None:
            return replace(ranker, weights=weights)
    return ranker


def load_champion(home: Home) -> tuple[Release, list[str]]:
    """The champion or, if it cannot be loaded, the previous release; and the errors of those that failed."""
    problems: list[str] = []
    for locate in (champion, lambda home: pointed_at(home, PREVIOUS)):
        try:
            if (path := locate(home)) is not None:
                return load_release(path), problems
        except (ArtifactError, EncodingError) as error:
            problems.append(str(error))
    raise ArtifactError("no release can be loaded: " + "; ".join(problems))


def champion_or_previous(home: Home) -> Release:
    """The same for a command, whose user is told on stderr where it is not the champion, and why."""
    release, problems = load_champion(home)
    for problem in problems:
        note(f"marquee: warning: {problem}; this is of {release.release_id}, the previous release")
    return release
