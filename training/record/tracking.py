"""The MLflow seam: runs, registered models that answer (models/release/recorded.py), and the release with its aliases.

MLflow keeps the record; it is never on a request's path. Store: SQLite and local files under HOME/mlflow.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, TypeVar

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import one_line
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.core.moved_home import settle_record
from feature_repo.core.revision import git_revision
from feature_repo.core.settings import preset
from models.release import recorded
from models.release.manifest import MANIFEST

TWO_TOWER, RANKER, RELEASE = "two-tower", "ranker", "marquee-release"
QUALITY = "quality"  # the experiment of protocols, beside those of the models
DESCRIPTIONS = {
    TWO_TOWER: "Finds candidates: past watches of viewers give a vector each, and videos near to it are theirs.",
    RANKER: "Orders candidates: probabilities of what a viewer does with each video, and one score of them.",
    RELEASE: "All that one version of the recommender needs; answers with the videos nearest to each viewer.",
    QUALITY: "Protocols that say how good models are (docs/quality.md).",
}
NEEDS = ("numpy", "onnxruntime", "safetensors")  # of a model, beside Marquee
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"

Result = TypeVar("Result")


@dataclass(frozen=True)
class TrainingRun:
    """What MLflow keeps of one training run. `files` is the folder of the trained model, which is copied."""

    model: str  # TWO_TOWER or RANKER
    files: Path
    example: recorded.Table  # rows that the model answers
    params: Mapping[str, Any]
    metrics: Mapping[str, float]  # names without "@": ndcg_at_10
    curve: Sequence[Mapping[str, float]] = ()  # one row per epoch
    dataset: str = ""  # what it was trained on, in words
    dataset_digest: str = ""


class TrackingError(MarqueeError):
    """MLflow's store of a home cannot be read or written; the message names its file and what to do."""


class Tracking:
    """One home's MLflow store. Every method raises TrackingError when it cannot be read or written."""

    def __init__(self, home: Home) -> None:
        preset(
            MLFLOW_ALLOW_PICKLE_DESERIALIZATION="false", MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="ERROR"
        )
        home.mlflow.mkdir(parents=True, exist_ok=True)
        self._store = home.mlflow / "mlflow.db"
        if self._store.exists():
            with self._errors():
                _check(self._store)
            settle_record(home.root)
        self.uri = f"sqlite:///{self._store}"
        self.home = home
        with self._errors():
            import mlflow

            mlflow.set_tracking_uri(self.uri)
            self.client = mlflow.MlflowClient(self.uri)

    def log_training(self, run: TrainingRun) -> str:
        """Log a run and register its network; the model's new version."""
        with self._errors():
            import mlflow
            from mlflow.data.dataset_source_registry import resolve_dataset_source
            from mlflow.data.meta_dataset import MetaDataset

            with self._run(run.model, f"train {run.model}", DESCRIPTIONS[run.model]) as active:
                mlflow.log_params(dict(run.params))
                for step, row in enumerate(run.curve):
                    mlflow.log_metrics(dict(row), step=step)
                mlflow.log_metrics(dict(run.metrics))
                if run.dataset:
                    source = resolve_dataset_source(str(self.home.lake))
                    dataset = MetaDataset(source, name=run.dataset, digest=run.dataset_digest[:16] or None)
                    mlflow.log_input(dataset, context="training")
                logged = _log_model(run.model, run.files, recorded.opened(run.files), run.example)
            tags = {"files": directory_id(run.files), **_told(run.metrics)}
            about = f"Trained on {run.dataset or 'this world'}, {run.dataset_digest[:16] or 'of unknown digest'}."
            return self._register(run.model, logged, active, about, tags)

    def version_of(self, model: str, files: Path) -> str | None:
        """The version registered with exactly these files."""
        return self._version_with(model, "files", directory_id(files))

    def register_release(
        self, release_id: str, path: Path, metrics: Mapping[str, float], models: Mapping[str, Any]
    ) -> str:
        """Register a release once; its version."""
        with self._errors():
            import mlflow

            version = self._version_with(RELEASE, "release_id", release_id)
            if version is None:
                with self._run(RELEASE, f"release {release_id}", DESCRIPTIONS[RELEASE]) as active:
                    mlflow.log_params({"release_id": release_id, **models})
                    mlflow.log_metrics(dict(metrics))
                    mlflow.log_artifact(str(path / MANIFEST))
                    with tempfile.TemporaryDirectory() as place:
                        file = Path(place) / recorded.RELEASE_FILE
                        file.write_text(json.dumps({"release_id": release_id}) + "\n")
                        model = recorded.ReleaseTable.of(path)
                        logged = _log_model(RELEASE, file, model, recorded.two_tower_example(model.retrieval))
                tags = {"release_id": release_id, **{name: str(value) for name, value in models.items()}}
                made_of = ", ".join(f"{name} {number}" for name, number in models.items() if number)
                about = f"HOME/releases/{release_id}; the judged models of it are {made_of or 'not registered'}."
                version = self._register(RELEASE, logged, active, about, tags)
            return version

    def log_quality(
        self, protocol: str, metrics: Mapping[str, float], tags: Mapping[str, str], files: Sequence[Path]
    ) -> str:
        """Log a protocol's results (training/record/results.py). Returns the run's id."""
        with self._errors():
            import mlflow

            with self._run(QUALITY, f"evaluate {protocol}", tags.get("question", ""), tags) as active:
                mlflow.log_metrics(dict(metrics))
                for file in files:
                    mlflow.log_artifact(str(file))
            return str(active.info.run_id)

    def point(self, aliases: Mapping[str, str | None]) -> None:
        """Set each alias to a release, or remove it (None)."""
        with self._errors():
            for alias, release_id in aliases.items():
                version = self._version_with(RELEASE, "release_id", release_id) if release_id else None
                if version is None:
                    self.client.delete_registered_model_alias(RELEASE, alias)
                else:
                    self.client.set_registered_model_alias(RELEASE, alias, version)

    def aliases(self) -> dict[str, str]:
        """alias -> release id."""
        with self._errors():
            found = self.client.search_registered_models(f"name = '{RELEASE}'")
            versions = dict(found[0].aliases) if found else {}
            return {
                alias: self.client.get_model_version(RELEASE, str(version)).tags["release_id"]
                for alias, version in versions.items()
            }

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Silences the warnings of MLflow's dependencies about each other; errors of the store become TrackingError."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
            raise TrackingError(
                f"{self._store}: expected MLflow's database, found something else: {one_line(error)}; "
                f"restore it, or move {self._store.parent} away: `marquee train` and `marquee promote` begin a new one"
            ) from error

    @contextmanager
    def _run(self, experiment: str, what: str, about: str, tags: Mapping[str, str] | None = None) -> Iterator[Any]:
        """A run whose name says what was run, on which world, and when."""
        import mlflow

        world = self.home.known_world()
        of = world.name if world is not None else "no world"
        with mlflow.start_run(
            experiment_id=self._experiment(experiment),
            run_name=f"{what}, {of}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            tags={"revision": git_revision(), "world": of, "verb": what.split()[0], **(tags or {})},
            description=about or None,
        ) as active:
            yield active

    def _register(self, model: str, logged: Any, run: Any, about: str, tags: Mapping[str, str]) -> str:
        if not self.client.search_registered_models(f"name = '{model}'"):
            self.client.create_registered_model(model, description=DESCRIPTIONS[model])
        made = self.client.create_model_version(
            model,
            logged.model_uri,
            run_id=run.info.run_id,
            tags={**{name: run.data.tags[name] for name in ("world", "revision")}, **tags},
            description=f"{run.info.run_name}. {about}",
            model_id=logged.model_id,
        )
        return str(made.version)

    def _version_with(self, model: str, tag: str, value: str) -> str | None:
        with self._errors():
            versions = self.client.search_model_versions(f"name = '{model}' and tag.{tag} = '{value}'")
            return str(max(int(found.version) for found in versions)) if versions else None

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        artifacts = self.home.mlflow / "artifacts" / name
        about = {"mlflow.note.content": DESCRIPTIONS[name]}
        return str(self.client.create_experiment(name, artifact_location=artifacts.as_uri(), tags=about))


def try_tracking(home: Home, work: Callable[[Tracking], Result]) -> tuple[Result | None, str]:
    """The result of `work` on MLflow, or None and why it failed.

    A damaged MLflow store must not lose a training or a release.
    """
    try:
        return work(Tracking(home)), ""
    except Exception as error:  # its store may fail in as many ways as SQLite, SQLAlchemy and MLflow know
        why = next(iter(str(error).splitlines()), "") or type(error).__name__
        return None, f"MLflow was not told: {home.mlflow / 'mlflow.db'}: {why}; moved away, it begins anew"


def _log_model(name: str, files: Path, model: recorded.Recorded, example: recorded.Table) -> Any:
    """`model` is what `files` are opened as. Marquee itself must be installed where they are opened."""
    import mlflow
    import pandas as pd

    table = pd.DataFrame(dict(example))
    return mlflow.pyfunc.log_model(
        name=name,
        loader_module=recorded.__name__,
        data_path=str(files),
        signature=mlflow.models.infer_signature(table, model.predict(table)),
        input_example=table,
        pip_requirements=[f"{package}=={installed_version(package)}" for package in NEEDS],
    )


def _told(metrics: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.4f}" for name, value in metrics.items()}


def _check(store: Path) -> None:
    """Raises sqlite3.Error for a database that is damaged anywhere, before anything depends on it."""
    with closing(sqlite3.connect(store)) as database:
        if (verdict := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(verdict)
