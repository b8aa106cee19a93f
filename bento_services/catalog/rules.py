"""The verbs of rules that are changed while pages are served: input checked here, work on the catalog's threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Meta, Struct

from bento_services import metrics
from bento_services.admission.limits import MAX_LIMIT, identifier
from bento_services.admission.problem import malformed, unprocessable
from bento_services.catalog.rule_places import require_places
from bento_services.catalog.verbs import Catalog, reason_stated
from bento_services.catalog.video import moment_text
from feature_repo.catalog.errors import Fault
from feature_repo.catalog.rule import InvalidRule, Rule, rule_of

if TYPE_CHECKING:
    from feature_repo.catalog.rule_store import RuleChange, RuleStore, StoredRule
    from feature_repo.catalog.rule_store import RuleWritten as Written

Result = TypeVar("Result")
_MOMENT = "RFC 3339, in UTC"
READ_ONLY = ("version", "changed_at")  # what an answer says of a rule may be sent back


class ShownRule(Struct, frozen=True):
    """A rule with everything that it does not state."""

    rule_id: str
    kind: Annotated[str, Meta(description="pin, boost, share, block, floor, fatigue or explore.")]
    video_ids: list[str]
    creator_ids: list[str]
    categories: list[str]
    genres: list[str]
    tags: list[str]
    languages: list[str]
    least_licence_cost: Annotated[float, Meta(description="Of an hour watched.")]
    most_licence_cost: float
    surfaces: Annotated[list[str], Meta(description="Empty: all.")]
    countries: Annotated[list[str], Meta(description="Of viewers. Empty: all.")]
    age_groups: Annotated[list[str], Meta(description="Of viewers. Empty: all.")]
    row: str
    position: int
    factor: float
    at_least: float
    at_most: float
    least_watch_fraction: float
    most_dislike_rate: float
    least_watches: int
    demoted_after: int
    rested_after: int
    explored: float
    starts_at: str
    ends_at: str
    owner: str
    note: str
    enabled: bool
    version: Annotated[int, Meta(description="From 1, raised by each change; also the ETag.")]
    changed_at: Annotated[str, Meta(description=f"{_MOMENT}.")]


class RuleWritten(Struct, frozen=True):
    rule: ShownRule
    created: bool
    changed: Annotated[bool, Meta(description="false: it was so already, and its version stays.")]


class RuleRemoved(Struct, frozen=True):
    rule_id: str
    change_id: int


class RuleList(Struct, frozen=True):
    rules: Annotated[list[ShownRule], Meta(description="By id.")]


class RuleChanged(Struct, frozen=True):
    """One line of the audit."""

    change_id: Annotated[int, Meta(description="The version of all rules together from then on.")]
    version: Annotated[int, Meta(description="Of the rule, after the change.")]
    action: Annotated[str, Meta(description="put, patch or remove.")]
    at: Annotated[str, Meta(description=f"{_MOMENT}.")]
    who: str
    why: str
    before: Annotated[dict[str, Any] | None, Meta(description="What it stated; null: it was new.")]
    after: Annotated[dict[str, Any] | None, Meta(description="What it states; null: it was removed.")]


class RuleHistory(Struct, frozen=True):
    rule_id: str
    changes: Annotated[list[RuleChanged], Meta(description="Newest first.")]


class Rules:
    """Every method raises Problem, as those of `Catalog` do. `if_match` as there."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def put(self, rule_id: str, sent: Any, who: str, if_match: int | None = None, why: str = "") -> RuleWritten:
        """Create a rule or replace it as a whole. `rule_id` "": the one that is sent, which must be new."""
        stated = {name: value for name, value in _object(sent).items() if name not in READ_ONLY}
        why = reason_stated(why)

        def work(store: RuleStore) -> RuleWritten:
            named = stated if not rule_id else {**stated, "rule_id": _same(rule_id, stated)}
            require_places(rule_of(named))
            return _written(store.put(named, who, if_match, why))

        return await self._changed("put", work)

    async def patch(self, rule_id: str, sent: Any, who: str, if_match: int | None = None, why: str = "") -> RuleWritten:
        """Change the fields that are stated; null gives one its default."""
        stated, rule_id, why = _object(sent), _id(rule_id), reason_stated(why)

        def work(store: RuleStore) -> RuleWritten:
            return _written(store.patch(rule_id, stated, who, if_match, why, require_places))

        return await self._changed("patch", work)

    async def remove(self, rule_id: str, who: str, if_match: int | None = None, why: str = "") -> RuleRemoved:
        rule_id, why = _id(rule_id), reason_stated(why)
        return await self._changed(
            "remove", lambda store: RuleRemoved(rule_id, store.remove(rule_id, who, if_match, why))
        )

    async def get(self, rule_id: str) -> ShownRule:
        rule_id = _id(rule_id)
        return await self._catalog.rules(lambda store: _shown(store.get(rule_id)))

    async def listed(self) -> RuleList:
        return await self._catalog.rules(lambda store: RuleList([_shown(one) for one in store.listed()]))

    async def history(self, rule_id: str, limit: int) -> RuleHistory:
        """The newest `limit` changes."""
        if not 1 <= limit <= MAX_LIMIT:
            raise unprocessable(f"limit: expected 1 to {MAX_LIMIT}", field="limit")
        rule_id = _id(rule_id)
        return await self._catalog.rules(
            lambda store: RuleHistory(rule_id, [_line(one) for one in reversed(store.changes(rule_id)[-limit:])])
        )

    async def draft(self, sent: Any) -> Rule:
        """A rule that may be kept, or the kept one of which only the id is sent."""
        stated = _object(sent)

        def work(store: RuleStore) -> Rule:
            if set(stated) == {"rule_id"}:
                return store.get(str(stated["rule_id"])).rule
            rule = rule_of({"rule_id": "draft", **stated})
            require_places(rule)
            store.require_videos(rule.video_ids)
            return rule

        return await self._catalog.rules(work)

    async def _changed(self, action: str, work: Callable[[RuleStore], Result]) -> Result:
        found = await self._catalog.rules(work, changes=True)
        metrics.RULE_CHANGES.labels(action).inc()
        return found


def _object(sent: Any) -> Mapping[str, Any]:
    if not isinstance(sent, Mapping):
        raise malformed("expected a JSON object with the fields of a rule")
    return sent


def _same(rule_id: str, stated: Mapping[str, Any]) -> str:
    rule_id = _id(rule_id)
    if stated.get("rule_id", rule_id) != rule_id:
        raise InvalidRule([Fault("rule_id", f"{rule_id}, the id in the address", stated["rule_id"])])
    return rule_id


def _id(rule_id: str) -> str:
    return identifier(rule_id, "rule_id", required=True)


def _shown(stored: StoredRule) -> ShownRule:
    fields: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in vars(stored.rule).items()
    }
    return ShownRule(**fields, version=stored.version, changed_at=moment_text(stored.changed_us))


def _written(found: Written) -> RuleWritten:
    return RuleWritten(_shown(found.stored), found.created, bool(found.change_id))


def _line(line: RuleChange) -> RuleChanged:
    return RuleChanged(
        change_id=line.change_id,
        version=line.version,
        action=line.action,
        at=moment_text(line.at_us),
        who=line.who,
        why=line.why,
        before=line.before,
        after=line.after,
    )
