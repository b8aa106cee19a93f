"""The catalog's audit: who changed a video, and why. Keys have names, so only a reason names a viewer."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

from feature_repo.catalog.audit import replace_words, said
from feature_repo.lake.projection import home_catalog
from feature_repo.people.holder import Place, Removed, Subject


class Audit:
    """Ids of digits alone are looked for in no reason: `42 complaints` names nobody."""

    name = "catalog audit"

    def export(self, place: Place, subject: Subject) -> Any:
        with closing(home_catalog(place.home)) as catalog:
            return said(catalog.database, subject.user_id, self._pattern(subject))

    def erase(self, place: Place, subject: Subject) -> Removed:
        with closing(home_catalog(place.home)) as catalog:
            count = replace_words(catalog.database, subject.user_id, self._pattern(subject), subject.pseudonym)
        return Removed({"mentions": count} if count else {})

    def _pattern(self, subject: Subject) -> re.Pattern[str]:
        word = re.escape(subject.user_id)
        return re.compile(r"(?!)" if subject.user_id.isdigit() else rf"(?<![\w.@-]){word}(?![\w@-])")
