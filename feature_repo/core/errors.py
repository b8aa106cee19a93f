"""The root of every error that a person sees."""

from __future__ import annotations


class MarqueeError(Exception):
    """Whatever Marquee tells a person in one line, without a stack trace: the root of the tree.

    MarqueeError
    ├── HomeError          feature_repo/core/home.py            no world, no release: a command must run first
    │   └── SettingsError  feature_repo/core/settings.py        a variable or a key of marquee.toml that is none
    ├── LakeError          feature_repo/lake/tables.py          a file that cannot be read as what it should be
    ├── ValkeyError        feature_repo/store/valkey_server.py  the embedded online store does not start
    ├── StoreDown          feature_repo/store/connect.py        the online store does not answer
    ├── EventLogDown       feature_repo/stream/                 the event log does not answer
    ├── Later              feature_repo/stream/handlers/        ask again: the processor, or a batch job, is at it
    ├── Poisoned           feature_repo/stream/handlers/        one of these records cannot be handled
    ├── SparkAbsent        feature_repo/jobs/                   the extra is not installed
    ├── EncodingError      models/encoding/ranker.py            columns that are not what a model was trained on
    ├── ArtifactError      models/release/manifest.py           a release that is not what its manifest says
    ├── OffPolicyError     training/off_policy/estimators.py    a log or a policy that nothing can be estimated from
    ├── RowsError          training/judge/score.py              rows to score that lack what scoring needs
    ├── FeedError          bento_services/errors.py             a query or a policy that cannot be answered
    ├── AuthError          bento_services/admission/keys.py     an address that must not be served without keys
    ├── PackageError       bento_services/process/package.py
    └── ServiceError       bento_services/process/supervisor.py
    """


class HomeError(MarqueeError):
    """The home is not in the state that a command needs; the message names the command to run first."""
