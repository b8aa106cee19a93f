"""Generates titles, descriptions, tags and channel names of the simulated catalog from words of each genre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# genre: (adjectives, things, tags)
_WORDS: dict[str, tuple[str, str, str]] = {
    "Drama": ("Quiet Broken Distant Borrowed Last", "Harbor Letters Winter Promise House", "family slow-burn award"),
    "Comedy": (
        "Awkward Accidental Loud Terrible Lucky",
        "Roommates Wedding Office Reunion Detour",
        "funny light sketch",
    ),
    "Thriller": ("Hidden Silent Seventh False Midnight", "Witness Signal Alibi Ransom Passage", "tense twist crime"),
    "Science Fiction": (
        "Orbital Synthetic Fading Second Infinite",
        "Colony Horizon Engine Archive Dawn",
        "space future ai",
    ),
    "Fantasy": ("Ember Hollow Crystal Forgotten Raven", "Throne Kingdom Oath Forest Crown", "magic quest epic"),
    "Documentary": (
        "Inside Beyond Rising Vanishing Secret",
        "Oceans Machines Cities Deserts Rivers",
        "facts explained real",
    ),
    "Nature": ("Wild Arctic Hidden Deep Golden", "Migration Reef Savanna Glacier Canopy", "wildlife calm 4k"),
    "Cooking": ("Simple Northern Slow Street Sunday", "Kitchen Feast Noodles Bakery Table", "recipe food howto"),
    "Gaming": ("Pixel Hardcore Speedrun Cozy Retro", "Arena Dungeon Marathon Raid League", "letsplay esports review"),
    "Music": ("Acoustic Electric Late Velvet Open", "Sessions Stage Chords Echoes Mixtape", "live studio playlist"),
    "Sports": ("Fearless Final Outdoor Underdog Night", "Season Match Climb Sprint Derby", "highlights training match"),
    "Travel": ("Slow Hidden Coastal Overland High", "Trails Islands Markets Borders Railways", "vlog budget guide"),
    "Technology": (
        "Practical Open Tiny Smart Homemade",
        "Circuits Robots Gadgets Batteries Lenses",
        "review diy build",
    ),
    "Kids": ("Curious Brave Tiny Sleepy Rainbow", "Dragons Adventures Puddles Robots Garden", "cartoon learning songs"),
    "Fitness": ("Gentle Daily Strong Morning Total", "Stretch Workout Balance Core Run", "home beginner routine"),
    "History": ("Lost Ancient Iron Unwritten Great", "Empires Voyages Maps Walls Relics", "archive war biography"),
}
GENRES = tuple(_WORDS)
TOPICS_PER_GENRE = 5  # a topic is one of its genre's things, which shows in titles and tags
TOPICS = len(GENRES) * TOPICS_PER_GENRE
_CHANNELS = (
    "Lantern",
    "Northlight",
    "Paperboat",
    "Bluefin",
    "Juniper",
    "Halfmoon",
    "Cobalt",
    "Tandem",
    "Marble",
    "Sundial",
)
_HOUSES = ("Studio", "Films", "Channel", "Works", "Collective", "Originals")
_PLACES = ("in the City", "by the Sea", "After Dark", "of the North", "Under Glass", "Revisited", "at Dawn", "for Two")
_LINES = (
    "A {tag} {genre} about {thing}, told {how}.",
    "What happens when {thing} meet {other}: a {tag} {genre}.",
    "{how}, this {genre} follows {thing} and {other}.",
)
_HOW = ("without hurry", "from the inside", "one step at a time", "against the clock", "with a smile")


def describe_catalog(
    topic: Array, second_genre: Array, creator: Array, series: Array, episode: Array, rng: np.random.Generator
) -> dict[str, Sequence[Any]]:
    """One text per video: title, description, creator_name (lists of str), tags (list of lists)."""
    titles: list[str] = []
    descriptions: list[str] = []
    tags: list[list[str]] = []
    used: dict[str, int] = {}
    series_title: dict[int, str] = {}
    for row in range(len(topic)):
        name, other = GENRES[topic[row] // TOPICS_PER_GENRE], GENRES[second_genre[row]]
        adjectives, things, tag_words = (words.split() for words in _WORDS[name])
        other_things = _WORDS[other][1].split()
        thing, other_thing = things[topic[row] % TOPICS_PER_GENRE], _one(rng, other_things)
        number = int(series[row])
        if number >= 0:
            if number not in series_title:
                series_title[number] = _unused(used, f"{_one(rng, adjectives)} {thing}", rng)
            titles.append(f"{series_title[number]}, Episode {episode[row]}: {_one(rng, adjectives)} {other_thing}")
        else:
            titles.append(_unused(used, f"{_one(rng, adjectives)} {thing}", rng))
        words = (thing.lower(), _one(rng, tag_words), _one(rng, _WORDS[other][2].split()))
        tags.append(list(dict.fromkeys(words)))
        line = _one(rng, _LINES).format(
            tag=tags[-1][-1], genre=name.lower(), thing=thing.lower(), other=other_thing.lower(), how=_one(rng, _HOW)
        )
        descriptions.append(line[0].upper() + line[1:])
    return {
        "title": titles,
        "description": descriptions,
        "tags": tags,
        "creator_name": [_channel(int(number)) for number in creator],
    }


def _one(rng: np.random.Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _unused(used: dict[str, int], title: str, rng: np.random.Generator) -> str:
    """Make a title unique: first with a place, then with a number."""
    if title in used:
        title = f"{title} {_one(rng, _PLACES)}"
    used[title] = used.get(title, 0) + 1
    return title if used[title] == 1 else f"{title} {used[title]}"


def _channel(number: int) -> str:
    name = f"{_CHANNELS[number % len(_CHANNELS)]} {_HOUSES[number // len(_CHANNELS) % len(_HOUSES)]}"
    generation = number // (len(_CHANNELS) * len(_HOUSES))
    return name if generation == 0 else f"{name} {generation + 1}"
