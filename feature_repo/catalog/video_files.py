"""Videos in a file: one JSON object, a list of them, or JSON lines; each with its place for messages."""

from __future__ import annotations

import codecs
from typing import Any, NamedTuple

from feature_repo.catalog.errors import Fault, InvalidVideos
from feature_repo.core.strict_json import JsonError, parse

READ_ONLY = ("version", "changed_us", "taken_down_us")  # what `marquee videos get` prints beside the fields of a put


class Read(NamedTuple):
    videos: list[Any]
    places: list[str]  # of each video: "films.jsonl, line 3"


def read_videos(content: bytes, called: str) -> Read:
    """`called`: where the content is from. Fields that only the catalog sets are left out, so that what was read may be
    put again. Raises InvalidVideos for what is no JSON."""
    text = content.removeprefix(codecs.BOM_UTF8)
    lines = [(number, line) for number, line in enumerate(text.split(b"\n"), start=1) if line.strip()]
    if text.lstrip()[:1] == b"[":
        found = _parsed(text, called)
        return Read([_settable(video) for video in found], [f"{called}, video {at + 1}" for at in range(len(found))])
    if len(lines) > 1 and not _is_whole(lines[0][1]):
        return Read([_settable(_parsed(text, called))], [called])  # one object over several lines
    places = [f"{called}, line {number}" for number, _ in lines]
    return Read([_settable(_parsed(line, place)) for place, (_, line) in zip(places, lines, strict=True)], places)


def _parsed(data: bytes, place: str) -> Any:
    try:
        return parse(data, place)
    except JsonError as error:
        raise InvalidVideos.unread(str(error)) from error


def _is_whole(line: bytes) -> bool:
    """Whether a line is JSON by itself, or meant to be: its braces are balanced."""
    return line.count(b"{") == line.count(b"}") > 0


def _settable(video: Any) -> Any:
    return {name: value for name, value in video.items() if name not in READ_ONLY} if isinstance(video, dict) else video


def placed(error: InvalidVideos, places: list[str]) -> InvalidVideos:
    """The same, with each fault under the place of its video in a file."""

    def named(fault: Fault) -> str:
        return f"{places[fault.at]}: {fault}"

    return InvalidVideos(error.faults, len(places), named)
