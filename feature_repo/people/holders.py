"""All holders, in the order in which they are erased: the store knows event ids that answers are found by, so it comes
before the log; files of the store come when nothing more is deleted from it."""

from __future__ import annotations

from feature_repo.people.audit import Audit
from feature_repo.people.event_log import LETTERS, TOPICS_OF_LOG
from feature_repo.people.files import ExampleViewer, Logs, RejectedRows, Releases
from feature_repo.people.holder import Holder
from feature_repo.people.online import OnlineStore, StoreFiles
from feature_repo.people.tables import TABLES

HOLDERS: tuple[Holder, ...] = (
    OnlineStore(),
    TOPICS_OF_LOG,
    LETTERS,
    *TABLES,
    RejectedRows(),
    ExampleViewer(),
    Audit(),
    Logs(),
    Releases(),
    StoreFiles(),
)
