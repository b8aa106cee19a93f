"""The MLflow seam: runs, registered models exported from torch, and the release with its aliases.

MLflow keeps the record; it is never on a request's path. Store: SQLite and local files under HOME/mlflow.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import one_line
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.core.revision import git_revision
from feature_repo.core.settings import preset

Array = np.ndarray[Any, Any]
TWO_TOWER, RANKER, RELEASE = "two-tower", "ranker", "marquee-release"
QUALITY = "quality"  # the experiment of protocols, beside those of the models
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"

Result = TypeVar("Result")


@dataclass(frozen=True)
class TrainingRun:
    """What MLflow keeps of one training run. `files` is the folder of the trained artifact."""

    model: str  # TWO_TOWER or RANKER
    files: Path
    network: nn.Module
    example: Mapping[str, Array]  # the network's inputs by name, in order, at least 2 rows each
    params: Mapping[str, Any]
    metrics: Mapping[str, float]  # names without "@": ndcg_at_10
    curve: Sequence[Mapping[str, float]] = ()  # one row per epoch
    dataset: str = ""  # what it was trained on, in words
    dataset_digest: str = ""


class TrackingError(MarqueeError):
    """MLflow's store of a home cannot be read or written; the message names its file and what to do."""


MARK = "/mlflow/artifacts/"  # the part of an experiment's address before this is the home where it was made
# The columns in which MLflow stores absolute paths of this home's files.
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("datasets", "dataset_source"),
)


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
                _settle(self._store, home)
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
            from mlflow.models import ModelSignature
            from mlflow.types import Schema, TensorSpec

            def spec(name: str, value: Array) -> Any:
                return TensorSpec(value.dtype, (-1, *value.shape[1:]), name)

            network = run.network.eval()
            with torch.inference_mode():
                output = network(*map(torch.from_numpy, run.example.values())).numpy()
            with mlflow.start_run(experiment_id=self._experiment(run.model), tags=_made_by()) as active:
                mlflow.log_params(dict(run.params))
                for step, row in enumerate(run.curve):
                    mlflow.log_metrics(dict(row), step=step)
                mlflow.log_metrics(dict(run.metrics))
                if run.dataset:
                    source = resolve_dataset_source(str(self.home.lake))
                    dataset = MetaDataset(source, name=run.dataset, digest=run.dataset_digest[:16] or None)
                    mlflow.log_input(dataset, context="training")
                logged = mlflow.pytorch.log_model(
                    network,
                    name=run.model,
                    signature=ModelSignature(
                        inputs=Schema([spec(name, value) for name, value in run.example.items()]),
                        outputs=Schema([spec("output", output)]),
                    ),
                    input_example=tuple(run.example.values()),
                    pip_requirements=[f"torch=={installed_version('torch').split('+')[0]}"],
                )
            tags = {"files": directory_id(run.files)}
            return self._register(run.model, logged.model_uri, active.info.run_id, tags, logged.model_id)

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
                experiment = self._experiment(RELEASE)
                with mlflow.start_run(experiment_id=experiment, run_name=release_id, tags=_made_by()) as active:
                    mlflow.log_params({"release_id": release_id, **models})
                    mlflow.log_metrics(dict(metrics))
                    mlflow.log_artifact(str(path / "manifest.json"))
                tags = {"release_id": release_id, **{name: str(value) for name, value in models.items()}}
                version = self._register(RELEASE, path.as_uri(), active.info.run_id, tags)
            return version

    def log_quality(
        self, protocol: str, metrics: Mapping[str, float], tags: Mapping[str, str], files: Sequence[Path]
    ) -> str:
        """Log a protocol's results (training/record/results.py). Returns the run's id."""
        with self._errors():
            import mlflow

            with mlflow.start_run(experiment_id=self._experiment(QUALITY), run_name=protocol) as active:
                mlflow.set_tags(dict(tags))
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

    def _register(
        self, model: str, source: str, run_id: str, tags: Mapping[str, str], model_id: str | None = None
    ) -> str:
        if not self.client.search_registered_models(f"name = '{model}'"):
            self.client.create_registered_model(model)
        made = self.client.create_model_version(model, source, run_id=run_id, tags=dict(tags), model_id=model_id)
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
        return str(self.client.create_experiment(name, artifact_location=artifacts.as_uri()))


def try_tracking(home: Home, work: Callable[[Tracking], Result]) -> tuple[Result | None, str]:
    """The result of telling MLflow something, or None and why it could not be told.

    MLflow keeps a record; nobody's training or release is lost because that is damaged.
    """
    try:
        return work(Tracking(home)), ""
    except Exception as error:  # its store may fail in as many ways as SQLite, SQLAlchemy and MLflow know
        why = next(iter(str(error).splitlines()), "") or type(error).__name__
        return None, f"MLflow was not told: {home.mlflow / 'mlflow.db'}: {why}; moved away, it begins anew"


def _made_by() -> dict[str, str]:
    return {"revision": git_revision()}


def _settle(store: Path, home: Home) -> None:
    """After the home was copied or moved: rewrite the stored paths to the files of this home. Raises sqlite3.Error for
    a database that is damaged anywhere, before anything depends on it."""
    with closing(sqlite3.connect(store)) as database, database:
        if (said := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(said)
        try:
            ours = database.execute(
                "SELECT artifact_location FROM experiments WHERE artifact_location LIKE ?", (f"file://%{MARK}%",)
            ).fetchone()
        except sqlite3.OperationalError:  # MLflow has not created its tables yet
            return
        here = home.root.as_uri().removeprefix("file://")
        there = ours[0].rpartition(MARK)[0].removeprefix("file://") if ours else here
        if there == here:
            return
        for table, column in ADDRESSES:
            database.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE {column} LIKE ?",
                (f"{there}/", f"{here}/", f"%{there}/%"),
            )
