"""The verbs of rules that hold while pages are served: `marquee rules add | list | show | remove | preview`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo.catalog.rule import FIELDS, KINDS, LISTS, NUMBERS, Rule, as_stated, rule_of
from feature_repo.core.command_line import who
from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.terminal import print_table, say, show

if TYPE_CHECKING:
    from feature_repo.catalog.rule_store import RuleStore, StoredRule

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Rules that every page keeps within seconds: pins, boosts, shares, blocks, floors, fatigue and exploration.",
)

IdArgument = Annotated[str, typer.Argument(help="The rule's id.", show_default=False)]
KindArgument = Annotated[str, typer.Argument(help=", ".join(KINDS), show_default=False)]
FieldsArgument = Annotated[
    list[str] | None,
    typer.Argument(help=f"FIELD=VALUE of {', '.join(FIELDS[2:])}; lists by commas, or as JSON.", show_default=False),
]
IfMatchOption = Annotated[
    int | None, typer.Option("--if-match", min=0, help="Only if this is its version; 0: only if it is new.")
]
WhyOption = Annotated[str, typer.Option(help="The reason, for its history.")]


@app.command(
    "add",
    epilog="Examples:  marquee rules add hero pin video_ids=v00042 position=0 surfaces=home   ·   "
    "marquee rules add originals boost tags=original factor=1.3   ·   "
    "marquee rules add cheap boost most_licence_cost=0.2 factor=1.1   ·   "
    "marquee rules add fewer-thrillers share categories=Thriller at_most=0.1   ·   "
    "marquee rules add strike block creator_ids=c7 countries=DE,AT ends_at=2026-12-31T00:00:00Z   ·   "
    "marquee rules add quality floor least_watch_fraction=0.4 most_dislike_rate=0.3   ·   "
    "marquee rules add tired fatigue demoted_after=3 factor=0.5 rested_after=6   ·   "
    "marquee rules add wider explore explored=0.2 countries=DE age_groups=18-24,unknown",
)
def add(
    rule_id: IdArgument,
    kind: KindArgument,
    fields: FieldsArgument = None,
    why: WhyOption = "",
    if_match: IfMatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a rule, or replace it. Every worker keeps it within five seconds; `remove` takes it back."""
    rule = _stated(rule_id, kind, fields or [])
    with _rules(home, to_write=True) as rules:
        written = rules.put(as_stated(rule), who(), if_match, why)
    show({**_row(written.stored), "created": written.created, "changed": bool(written.change_id)}, as_json)


@app.command("list", epilog="Example:  marquee rules list --json | jq '.rules[].rule_id'")
def list_rules(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the rules, those that do not hold now included."""
    with _rules(home) as rules:
        found = [_row(one) for one in rules.listed()]

    def table(_: Any) -> None:
        if found:
            print_table("rules", [_summary(one) for one in found])
        say(f"{len(found)} rules" if found else "no rules: `marquee rules add --help` shows how to add one")

    show({"rules": found}, as_json, table)


@app.command("show", epilog="Example:  marquee rules show hero --json")
def show_rule(rule_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a rule, and who changed it when; also one that was removed."""
    from feature_repo.catalog.rule import UnknownRule

    with _rules(home) as rules:
        lines = rules.changes(rule_id)
        try:
            now: dict[str, Any] | None = _row(rules.get(rule_id))
        except UnknownRule:
            now = None

    def table(_: Any) -> None:
        print_table(rule_id, [now or {"rule_id": rule_id, "removed": True}])
        print_table(
            "changes", [{**vars(one), "before": _brief(one.before), "after": _brief(one.after)} for one in lines]
        )

    show({"rule": now, "changes": [vars(one) for one in lines]}, as_json, table)


@app.command("remove", epilog="Example:  marquee rules remove hero --why 'the campaign is over'")
def remove(
    rule_id: IdArgument,
    why: WhyOption = "",
    if_match: IfMatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a rule. Its history stays."""
    with _rules(home, to_write=True) as rules:
        change_id = rules.remove(rule_id, who(), if_match, why)
    show({"rule_id": rule_id, "change_id": change_id}, as_json)


@app.command(
    "preview",
    epilog="Examples:  marquee rules preview u00042 hero   ·   "
    "marquee rules preview u00042 draft boost tags=original factor=2 --json",
)
def preview(
    user: Annotated[str, typer.Argument(help="Whose page; any id, also one never seen.", show_default=False)],
    rule_id: IdArgument,
    kind: Annotated[str, typer.Argument(help="Of a rule that there is not yet.", show_default=False)] = "",
    fields: FieldsArgument = None,
    n: Annotated[int, typer.Option("-n", min=1, max=100, help="Recommendations.")] = 20,
    surface: Annotated[str, typer.Option(help="Which surface.")] = "home",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a rule changes on a viewer's page. Nothing is kept."""
    from bento_services.feed.page import Query
    from bento_services.precompute.batch import preview_one
    from feature_repo.store.valkey_server import online_store

    opened = existing(home)
    with _rules(home) as rules:
        rule = _stated(rule_id, kind, fields or []) if kind else rules.get(rule_id).rule
        rules.require_videos(rule.video_ids)
    with online_store(opened) as url:
        found = preview_one(opened, url, rule, Query(user_id=user, surface=surface, limit=n))

    def table(_: Any) -> None:
        for title, videos in (("added", found.added), ("removed", found.removed), ("moved", found.moved)):
            if videos:
                print_table(title, [_fields(one) for one in videos])
        say(f"{len(found.added)} added, {len(found.removed)} removed, {len(found.moved)} moved")

    import msgspec

    show(msgspec.to_builtins(found), as_json, table)


@contextmanager
def _rules(path: Path | None, to_write: bool = False) -> Iterator[RuleStore]:
    home = existing(path, to_write=to_write)
    from feature_repo.catalog.rule_store import RuleStore
    from feature_repo.lake.projection import home_catalog

    catalog = home_catalog(home)
    try:
        yield RuleStore(catalog.database)
    finally:
        catalog.close()


def _stated(rule_id: str, kind: str, fields: Sequence[str]) -> Rule:
    from bento_services.catalog.rule_places import require_places

    rule = rule_of({"rule_id": rule_id, "kind": kind, **dict(map(_field, fields))})
    require_places(rule)
    return rule


def _field(stated: str) -> tuple[str, Any]:
    name, equals, text = stated.partition("=")
    if not equals:
        raise typer.BadParameter(f"expected FIELD=VALUE, found {stated!r}")
    if name in LISTS and not text.startswith("["):
        return name, [one for one in text.split(",") if one]
    if name in (*LISTS, *NUMBERS, "enabled"):
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text  # which the rule refuses
    return name, text


def _row(stored: StoredRule) -> dict[str, Any]:
    return {**as_stated(stored.rule), "version": stored.version, "changed_us": stored.changed_us}


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    says = {name: value for name, value in row.items() if name not in ("rule_id", "kind", "version", "changed_us")}
    return {"rule_id": row["rule_id"], "kind": row["kind"], "says": _brief(says), "version": row["version"]}


def _brief(stated: dict[str, Any] | None) -> str:
    words = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in (stated or {}).items()
    }
    return " ".join(f"{name}={value}" for name, value in words.items())


def _fields(video: Any) -> dict[str, Any]:
    return {name: getattr(video, name) for name in video.__struct_fields__}
