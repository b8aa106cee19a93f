"""Moves the champion pointer to an existing release: a rollback, or a release by its id.

Must work in an emergency: imports no model, needs no store, and records in MLflow only afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.terminal import note
from models.release.answerable import Unanswerable, never, require_answerable, require_whole, silent
from models.release.config import PromotionConfig
from models.release.history import (
    HISTORY,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    SERVED,
    Entry,
    last_served,
    read_history,
    record,
)
from models.release.store import (
    CHAMPION,
    PREVIOUS,
    keep_as_previous,
    make_champion,
    pointed_at,
    pointers,
    sound_pointer,
)


def rollback(
    home: Home, config: PromotionConfig = PromotionConfig(), command: str = "marquee promote --rollback"
) -> dict[str, Any]:
    """Make the previous release the champion again; the current champion becomes `previous`.

    Raises HomeError if there is none, and Unanswerable, moving nothing, if it cannot serve.
    """
    path = pointed_at(home, PREVIOUS)
    if path is None:
        raise HomeError(f"no previous release at {home.root}: nothing to go back to")
    return _back_to(home, path.name, config, ROLLED_BACK, command)


def served_before(home: Home, release_id: str) -> bool:
    """Whether it was the champion before, and so passed its gates or was forced.

    The pointers count as well: homes of older revisions have no history.
    """
    pointed = [sound_pointer(home, pointer) for pointer in (CHAMPION, PREVIOUS)]
    if release_id in [path.name for path in pointed if path is not None]:
        return True
    return any(entry.release_id == release_id and entry.outcome in SERVED for entry in read_history(home))


def serve_again(home: Home, release_id: str, config: PromotionConfig, command: str) -> dict[str, Any]:
    """Make a release that served before the champion again. Raises Unanswerable, moving nothing, if it cannot serve."""
    return _back_to(home, release_id, config, PROMOTED, command)


def require_or_refuse(
    home: Home, path: Path, config: PromotionConfig, command: str, say: Callable[[str], None] = silent
) -> None:
    """Raises Unanswerable, and records it in the history, unless this release can serve."""
    try:
        require_answerable(home, path, config, never, say)
    except Unanswerable as error:
        refused(home, path.name, command, why=(str(error),))
        raise


def move(
    home: Home, release_id: str, outcome: str, command: str, config: PromotionConfig = PromotionConfig(), **details: Any
) -> None:
    """Make it the champion, and record that in the history."""
    make_champion(home, release_id)
    _say(home, Entry.now(release_id, outcome, command, champion=release_id, **details))
    _settle_previous(home, release_id, config)


def _settle_previous(home: Home, release_id: str, config: PromotionConfig) -> None:
    """Let the way back lead to a release that can serve: a champion that was damaged, or that somebody wrote there by
    hand, may be none. It is looked at once the new champion serves, which may be in a hurry."""
    served = _served(home, config.keep + 1)
    pointed = sound_pointer(home, PREVIOUS)
    candidates = dict.fromkeys([*([pointed.name] if pointed is not None else []), *served])
    for name in candidates:
        if name != release_id and _can_go_back(home, name, config, known=name in served):
            if pointed is None or pointed.name != name:
                keep_as_previous(home, name)
                lost = pointed.name if pointed else "nothing"
                note(f"marquee: warning: {lost} cannot serve: the way back leads to {name}")
            return


def _served(home: Home, count: int) -> list[str]:
    try:
        return last_served(home, count)
    except OSError:  # no readable history: the pointers have to do
        return []


def _can_go_back(home: Home, release_id: str, config: PromotionConfig, known: bool) -> bool:
    try:
        if known:
            require_whole(home, home.releases / release_id)
        else:
            require_answerable(home, home.releases / release_id, config)
    except Unanswerable:
        return False
    return True


def refused(home: Home, release_id: str, command: str, **details: Any) -> None:
    """Say in the history that it was refused; the champion stays."""
    _say(home, Entry.now(release_id, REFUSED, command, champion=pointers(home)[CHAMPION], **details))


def _say(home: Home, entry: Entry) -> None:
    try:
        record(home, entry)
    except OSError as error:  # what serves does not depend on it
        file = home.releases / HISTORY
        note(f"marquee: warning: {file} could not be written ({error}); {entry.release_id}: {entry.outcome}")


def _back_to(home: Home, release_id: str, config: PromotionConfig, outcome: str, command: str) -> dict[str, Any]:
    require_or_refuse(home, home.releases / release_id, config, command, note)
    before = pointers(home)[CHAMPION]
    move(home, release_id, outcome, command, config)
    return {"release_id": release_id, "promoted": True, "before": before, **pointers(home)}
