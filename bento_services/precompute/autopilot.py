"""The autopilot of exploration: cohorts whose pages become narrow see more of what is uncertain, until they are not.

A cohort is narrow when the first places of its pages have fewer than `least_categories`, or when its impressions fall
on so many fewer videos than in the days before (feature_repo/lake/cohorts.py). It then gets a rule of the kind
`explore`, which is kept, shown and audited as every rule is, and which the autopilot takes back. A rule that a person
has changed is theirs, and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bento_services.settings import AUTOPILOT, AutopilotConfig
from feature_repo.catalog.rule import UNKNOWN
from feature_repo.catalog.rule_store import RuleStore
from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.lake.cohorts import Cohort, cohorts_of
from feature_repo.lake.projection import home_catalog
from feature_repo.lake.tables import Lake

WHO = "autopilot"
RAISED, LOWERED, KEPT, THEIRS = "raised", "lowered", "kept", "left to a person"


@dataclass(frozen=True)
class Judged:
    cohort: Cohort
    why: str  # it is narrow; "": it is not
    done: str  # RAISED, LOWERED, KEPT, THEIRS, or "": nothing

    def shown(self) -> dict[str, Any]:
        one = self.cohort
        return {
            "cohort": f"{one.country or UNKNOWN} {one.age_group or UNKNOWN}",
            "viewers": one.viewers,
            "impressions": one.impressions,
            "categories": round(one.categories, 2),
            "videos": round(one.videos, 1),
            "videos_before": round(one.videos_before, 1),
            "done": self.done,
            "why": self.why,
        }


def autopilot(home: Home, dry_run: bool = False) -> dict[str, Any]:
    """Judge every cohort, and give or take rules. Raises HomeError, FileError and CatalogDown."""
    config = read(AUTOPILOT, home.root)
    cohorts = {rule_id(one): one for one in cohorts_of(Lake(home), home.world().now_us())}
    catalog = home_catalog(home)
    try:
        rules = RuleStore(catalog.database)
        last = {name: rules.changes(name)[-1].who for name in _given(rules)}
        unseen = {name: _unseen(name) for name in last if name not in cohorts}
        found = {name: _judge(one, last.get(name), config) for name, one in {**cohorts, **unseen}.items()}
        if not dry_run:
            for name, judged in found.items():
                _keep(rules, name, judged, config)
    finally:
        catalog.close()
    raised = sum(one.done in (RAISED, KEPT) for one in found.values())
    return {"cohorts": [one.shown() for one in found.values()], "raised": raised}


def rule_id(cohort: Cohort) -> str:
    return f"{WHO}:{cohort.country or UNKNOWN}:{cohort.age_group or UNKNOWN}"


def _given(rules: RuleStore) -> list[str]:
    """Those of cohorts: a person may have taken such an id for another rule."""
    named = [one.rule.rule_id for one in rules.listed()]
    return [one for one in named if one.startswith(f"{WHO}:") and one.count(":") == 2]


def _unseen(name: str) -> Cohort:
    """Whom nothing was shown for a day."""
    country, age_group = name.split(":", 2)[1:]
    return Cohort(country, age_group, 0, 0, 0.0, 0.0, 0.0)


def _judge(cohort: Cohort, changed_by: str | None, config: AutopilotConfig) -> Judged:
    """`changed_by`: who changed its rule last; None: it has none."""
    why = _why(cohort, config, is_raised=changed_by is not None)
    if changed_by is None:
        return Judged(cohort, why, RAISED if why else "")
    if changed_by != WHO:
        return Judged(cohort, why, THEIRS)
    return Judged(cohort, why, KEPT if why else LOWERED)


def _why(cohort: Cohort, config: AutopilotConfig, is_raised: bool) -> str:
    """What was raised has to be better than what raises, or it would come and go."""
    if cohort.impressions < config.least_impressions:
        return ""
    margin = config.margin if is_raised else 0.0
    if 0 < cohort.categories < config.least_categories * (1 + margin):
        return f"{cohort.categories:.2f} categories in the first places of a page"
    if cohort.fall > config.most_fall * (1 - margin):
        return f"impressions on {100 * cohort.fall:.0f} % fewer videos than in the days before"
    return ""


def _keep(rules: RuleStore, name: str, judged: Judged, config: AutopilotConfig) -> None:
    cohort = judged.cohort
    if judged.done == LOWERED:
        is_judged = cohort.impressions >= config.least_impressions
        rules.remove(name, WHO, why="varied and even again" if is_judged else "too little was shown to judge")
    elif judged.done == RAISED:
        stated = {
            "rule_id": name,
            "kind": "explore",
            "explored": config.share,
            "countries": [cohort.country or UNKNOWN],
            "age_groups": [cohort.age_group or UNKNOWN],
            "owner": WHO,
        }
        rules.put(stated, WHO, why=judged.why)
