"""The root of every error that is shown to a user."""

from __future__ import annotations

DONE, FAILED, USAGE, REFUSED, DEPENDENCY_DOWN = range(5)  # exit statuses of every verb (docs/operations.md)


class MarqueeError(Exception):
    """An error that the command line shows as one line, without a stack trace: the root of the tree.

    MarqueeError
    ├── HomeError          feature_repo/core/home.py            no world or release yet: run another command first
    │   └── SettingsError  feature_repo/core/settings.py        an invalid variable, or an invalid key of marquee.toml
    ├── LakeError          feature_repo/lake/tables.py          a file with invalid content
    ├── ValkeyError        feature_repo/store/valkey_server.py  the embedded online store does not start
    ├── StoreDown          feature_repo/store/connect.py        the online store does not answer
    ├── EventLogDown       feature_repo/stream/                 the event log does not answer
    ├── Later              feature_repo/stream/handlers/        try again later: another job is still working on it
    ├── Poisoned           feature_repo/stream/handlers/        one record of a batch cannot be handled
    ├── SparkAbsent        feature_repo/jobs/                   the extra is not installed
    ├── EncodingError      models/encoding/ranker.py            columns that do not match what a model was trained on
    ├── ArtifactError      models/release/manifest.py           a release that does not match its manifest
    ├── OffPolicyError     training/off_policy/estimators.py    a log or a policy that allows no estimate
    ├── RowsError          training/judge/score.py              rows to score that lack what scoring needs
    ├── FeedError          bento_services/errors.py             an invalid query or policy
    ├── AuthError          bento_services/admission/keys.py     API keys that cannot be used, or are needed and absent
    ├── PackageError       bento_services/process/package.py
    └── ServiceError       bento_services/process/supervisor.py

    Refused and DependencyDown are not a layer's own: a subclass says with them how the command ends.
    """

    exit_status = FAILED


class HomeError(MarqueeError):
    """The home is not in the state that a command needs; the message names the command to run first."""

    exit_status = USAGE


class Refused(MarqueeError):
    """A gate, or a rule that keeps a home or a service safe, says no; the message names it, and how to overrule it."""

    exit_status = REFUSED


class DependencyDown(MarqueeError):
    """Something outside this process does not answer: the online store, the event log, Spark, MLflow's store."""

    exit_status = DEPENDENCY_DOWN
