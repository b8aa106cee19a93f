"""Other files of a home: the world's example viewer, rejected rows, logs, releases and reports."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.people.holder import Place, Removed, Subject

OUTDATED = (
    "made by a Marquee that kept ids there: `marquee release` makes a new one without, after which the folder can be "
    "removed"
)


class ExampleViewer:
    """world.json names one viewer to look at pages as."""

    name = "world"

    def export(self, place: Place, subject: Subject) -> Any:
        return {"example_user": subject.user_id} if place.home.world().example_user == subject.user_id else {}

    def erase(self, place: Place, subject: Subject) -> Removed:
        if not self.export(place, subject):
            return Removed()
        place.home.write_world(replace(place.home.world(), example_user=""))
        return Removed({"example_user": 1})


class RejectedRows:
    """Rows that were set aside, a line each with the reason."""

    name = "rejected rows"

    def export(self, place: Place, subject: Subject) -> Any:
        return [json.loads(line) for _, lines in _files(place.home) for line in lines if subject.is_named_in(line)]

    def erase(self, place: Place, subject: Subject) -> Removed:
        removed = Counter[str]()
        for path, lines in _files(place.home):
            kept = [line for line in lines if not subject.is_named_in(line)]
            if len(kept) < len(lines):
                write_atomic(path, b"".join(kept))
                removed["rows"] += len(lines) - len(kept)
        return Removed(removed)


def _files(home: Home) -> Iterator[tuple[Path, list[bytes]]]:
    for path in sorted(home.rejected.rglob("*.jsonl")):
        yield path, path.read_bytes().splitlines(keepends=True)


class Logs:
    """What processes have written under HOME/run. No line of ours names a viewer; an error of a library may quote one.

    The id is overwritten where it stands: the file is open in other processes, which go on at its end.
    """

    name = "logs"

    def export(self, place: Place, subject: Subject) -> Any:
        found = {}
        for path in self._paths(place.home):
            if count := len(self._places(path.read_bytes(), subject)):
                found[path.relative_to(place.home.root).as_posix()] = count
        return found

    def erase(self, place: Place, subject: Subject) -> Removed:
        removed = Counter[str]()
        for path in self._paths(place.home):
            spans = self._places(path.read_bytes(), subject)
            if not spans:
                continue
            descriptor = os.open(path, os.O_WRONLY)
            try:
                for start, end in spans:
                    os.pwrite(descriptor, b"*" * (end - start), start)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            removed["mentions"] += len(spans)
        return Removed(removed)

    def _paths(self, home: Home) -> Iterator[Path]:
        yield from sorted(path for path in home.run.rglob("*.log*") if path.is_file())

    def _places(self, content: bytes, subject: Subject) -> list[tuple[int, int]]:
        """Where the id stands in quotes, which may be escaped; `42` alone may be anything."""
        forms = b"|".join(re.escape(form) for form in subject.forms())
        return [found.span(1) for found in re.finditer(rb"[\"'](%s)(?=\\*[\"'])" % forms, content)]


class Releases:
    """Releases, models, reports and their copies in MLflow: they hold pseudonyms. Older ones hold ids, under hashes
    that forbid to change them: they are named."""

    name = "releases and reports"

    def export(self, place: Place, subject: Subject) -> Any:
        return sorted(self._outdated(place.home, subject))

    def erase(self, place: Place, subject: Subject) -> Removed:
        found = self._outdated(place.home, subject)
        return Removed({}, dict.fromkeys(sorted(found), 1), OUTDATED if found else "")

    def _outdated(self, home: Home, subject: Subject) -> set[str]:
        """The folders of the home in which a small file has the id in quotes or, on a page, in parentheses."""
        found: set[str] = set()
        forms = list(subject.forms())
        for folder in (home.releases, home.models, home.reports, home.mlflow):
            for path in folder.rglob("*"):
                if path.suffix not in (".json", ".jsonl", ".html", ".toml", ".yaml") or path.is_symlink():
                    continue
                with suppress(FileNotFoundError):  # a draft that was just moved
                    content = path.read_bytes()
                    if self._names(path, content, forms):
                        found.add("/".join(path.relative_to(home.root).parts[:2]))
        return found

    def _names(self, path: Path, content: bytes, forms: list[bytes]) -> bool:
        """In files that used to name viewers; in others the same text is the id of a video."""
        if path.name == "rates.json":
            users = content.partition(b'"user_id": [')[2].partition(b"]")[0]
            return any(b'"' + form + b'"' in users for form in forms)
        if path.name == "manifest.json":
            return any(re.search(rb'"example_user": ?"%s"' % re.escape(form), content) for form in forms)
        return path.suffix == ".html" and any(b"(" + form + b")" in content for form in forms)
