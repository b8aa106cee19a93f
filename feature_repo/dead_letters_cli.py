"""The verbs for dead letters: `marquee events dlq list | show | replay | drop`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo.core.home import Home
from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.terminal import print_table, say, show
from feature_repo.schema import TOPICS, WATCH_EVENTS
from feature_repo.stream.log.protocol import EventLog

if TYPE_CHECKING:
    from feature_repo.stream.dead_letters import Choice

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Records that could not be handled: list, replay, drop."
)


def known_topic(topic: str) -> str:
    if topic not in TOPICS:
        raise typer.BadParameter(f"expected one of {', '.join(TOPICS)}, found {topic!r}")
    return topic


IdsArgument = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.", show_default=False)]
TopicOption = Annotated[str, typer.Option(callback=known_topic, help="Topic of the log.")]
CauseOption = Annotated[str, typer.Option(help="Only those whose cause contains this text.")]
GroupOption = Annotated[str, typer.Option(help="Only those of this consumer group: feature-processor, lake-sink, …")]
KeyOption = Annotated[str, typer.Option(help="Only those with this key: the viewer's id.")]
AllOption = Annotated[bool, typer.Option("--all", help="All dead letters.")]


@app.command("list", epilog="Example:  marquee events dlq list --cause OverflowError --json")
def dlq_list(
    n: Annotated[int, typer.Option("-n", min=1, help="How many of the newest.")] = 20,
    everything: AllOption = False,
    cause: CauseOption = "",
    group: GroupOption = "",
    key: KeyOption = "",
    topic: TopicOption = WATCH_EVENTS,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters with their causes, oldest first."""
    from feature_repo.stream.dead_letters import Choice, described, summary

    with _log(home) as (_, log):
        found = Choice(cause=cause, group=group, key=key).of(log, topic)
    shown = found if everything else found[-n:]

    def table(_: Any) -> None:
        if shown:
            print_table(f"dead letters of {topic}", [summary(letter) for letter in shown])
        say(f"{len(shown)} of {len(found)} dead letters" if found else "no dead letters")

    show({"topic": topic, "count": len(found), "letters": [described(letter) for letter in shown]}, as_json, table)


@app.command("show", epilog="Example:  marquee events dlq show 1763200000000-0")
def dlq_show(
    letter: Annotated[str, typer.Argument(help="Id of a dead letter.")],
    topic: TopicOption = WATCH_EVENTS,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter: the record, its cause, who could not handle it and when."""
    from feature_repo.stream.dead_letters import Choice, described

    with _log(home) as (_, log):
        (found,) = Choice([letter]).of(log, topic)
    show(described(found), as_json)


@app.command("replay", epilog="Example:  marquee events dlq replay --group lake-sink")
def dlq_replay(
    ids: IdsArgument = None,
    everything: AllOption = False,
    cause: CauseOption = "",
    group: GroupOption = "",
    key: KeyOption = "",
    topic: TopicOption = WATCH_EVENTS,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append dead letters to their topic again. Those outside the limits stay, and the command ends with status 3."""
    from feature_repo.stream.dead_letters import check_replayed, replay

    choice = _chosen(ids, everything, cause, group, key)
    with _log(home) as (opened, log):
        result = replay(log, topic, choice.of(log, topic), opened.world().clock())
    show(result, as_json)
    check_replayed(result)


@app.command("drop", epilog="Example:  marquee events dlq drop --cause 'expected a JSON object'")
def dlq_drop(
    ids: IdsArgument = None,
    everything: AllOption = False,
    cause: CauseOption = "",
    group: GroupOption = "",
    key: KeyOption = "",
    topic: TopicOption = WATCH_EVENTS,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete dead letters for good."""
    choice = _chosen(ids, everything, cause, group, key)
    with _log(home) as (_, log):
        letters = choice.of(log, topic)
        log.drop_dead_letters(topic, letters)
    show({"dropped": len(letters)}, as_json)


def _chosen(ids: list[str] | None, everything: bool, cause: str, group: str, key: str) -> Choice:
    """The dead letters that a command changes; all of them only with --all."""
    from feature_repo.stream.dead_letters import Choice

    choice = Choice(ids or (), cause, group, key)
    if choice.is_everything and not everything:
        raise typer.BadParameter("give ids, or filter by --cause, --group or --key, or use --all", param_hint="--all")
    if everything and not choice.is_everything:
        raise typer.BadParameter("cannot be combined with ids or filters", param_hint="--all")
    return choice


@contextmanager
def _log(path: Path | None) -> Iterator[tuple[Home, EventLog]]:
    from feature_repo.store.valkey_server import online_store
    from feature_repo.stream.log.open import open_home_log

    home = existing(path)
    with online_store(home) as url, closing(open_home_log(home, url)) as log:
        yield home, log
