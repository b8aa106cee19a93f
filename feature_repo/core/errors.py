"""The root of every error that is shown to a user."""

from __future__ import annotations

DONE, FAILED, USAGE, REFUSED, DEPENDENCY_DOWN = range(5)  # exit statuses (docs/operations.md)


class MarqueeError(Exception):
    """An error that the command line shows as one line, without a stack trace: the root of the tree.

    MarqueeError
    ├── HomeError               feature_repo/core/errors.py           no world or release yet
    │   ├── SettingsError       feature_repo/core/settings.py         an invalid variable or key of marquee.toml
    │   ├── UnknownVideo        feature_repo/catalog/errors.py        the catalog has no video of that id
    │   ├── CatalogAbsent       feature_repo/catalog/errors.py        the home's videos are not in its catalog yet
    │   ├── NoSuchLetter        feature_repo/stream/dead_letters.py   no dead letter has that id
    │   └── TooFew              monitoring/measures/                  fewer rows than a measure needs
    ├── Refused                 feature_repo/core/errors.py           a gate or a safety rule forbids it
    │   ├── WorldExists         feature_repo/ingest/new_world.py      the home holds another world
    │   ├── WorldBusy           feature_repo/core/world_swap.py       another command is replacing the world
    │   ├── InvalidVideos       feature_repo/catalog/errors.py        videos outside the limits
    │   ├── Conflict            feature_repo/catalog/errors.py        another has changed the video since it was read
    │   ├── NewerCatalog        feature_repo/catalog/errors.py        a newer Marquee has written the catalog
    │   ├── ForeignCatalog      feature_repo/catalog/errors.py        the database holds another home's catalog
    │   ├── InvalidEvents       feature_repo/stream/send.py           events outside the limits
    │   ├── ErasureRuns         feature_repo/people/erase.py          another viewer is being erased in this home
    │   ├── StillInvalid        feature_repo/stream/dead_letters.py   a dead letter that would fail again
    │   └── Unanswerable        models/release/answerable.py          a release that cannot answer
    ├── DependencyDown          feature_repo/core/errors.py           something outside this process does not answer
    │   ├── ValkeyError         feature_repo/store/valkey_server.py   the embedded online store does not start
    │   ├── StoreDown           feature_repo/store/connect.py         the online store does not answer
    │   ├── CatalogDown         feature_repo/catalog/errors.py        the catalog's database does not answer
    │   ├── EventLogDown        feature_repo/stream/log/protocol.py   the event log does not answer
    │   └── SparkAbsent         feature_repo/jobs/engines.py          the extra is not installed
    ├── FileError               feature_repo/core/files.py            a file of a home that cannot be read
    ├── LakeError               feature_repo/lake/tables.py           a table with invalid content
    │   ├── BadRows             feature_repo/ingest/rejected.py       rows of a source outside the limits: status 3
    │   └── Unsuggestable       feature_repo/ingest/table/suggest/    no file of a directory looks like a table
    ├── RegistrationError       feature_repo/compute/feature.py       a feature that cannot be registered
    ├── Later                   feature_repo/stream/handlers/         a batch job is running; retry later
    ├── Poisoned                feature_repo/stream/handlers/         one record of a batch cannot be handled
    ├── EncodingError           models/encoding/ranker.py             columns differ from those a model was trained on
    ├── ArtifactError           models/release/manifest.py            a release that does not match its manifest
    ├── PolicyError             models/page/policy.py                 an invalid policy.toml
    ├── OffPolicyError          training/off_policy/estimators.py     no estimate is possible from this log or policy
    ├── RowsError               training/judge/score.py               rows to score lack required columns
    ├── TrackingError           training/record/tracking.py           MLflow's records cannot be read or written
    ├── FeedError               bento_services/errors.py              an invalid query
    ├── AuthError               bento_services/admission/keys.py      API keys that cannot be used, or are missing
    ├── NotAnswered             bento_services/process/trial.py       a release on trial did not return a page
    ├── PackageError            bento_services/process/package.py     a Bento that cannot be built
    └── ServiceError            bento_services/process/workers.py     a service that does not start

    `exit_status` is how a command ends with it.
    """

    exit_status = FAILED


class HomeError(MarqueeError):
    """The home is not in the state that a command needs; the message names the command to run first."""

    exit_status = USAGE


class Refused(MarqueeError):
    """A gate or a safety rule forbids it; the message names the rule, and how to override it."""

    exit_status = REFUSED


class DependencyDown(MarqueeError):
    """Something outside this process is down: the online store, the event log, Spark, MLflow's store."""

    exit_status = DEPENDENCY_DOWN
