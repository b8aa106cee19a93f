"""A catalog of any size whose titles are made of words in several alphabets, as common and as rare as words are.

And the typos that people make in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SMALL = ("the", "of", "a", "and", "in", "la", "de", "der", "и", "в")
ALPHABETS = {
    "latin": ("bcdfghklmnprstvz", "aeiou"),
    "accents": ("bcčdfgłmnñprsštž", "aáeéèiíoóöuúü"),
    "cyrillic": ("бвгджзклмнпрстфхцчш", "аеиоуыюя"),
    "greek": ("βγδζθκλμνπρστφχψ", "αεηιουω"),
}
SHARES = {"latin": 0.62, "accents": 0.13, "cyrillic": 0.09, "greek": 0.03, "han": 0.08, "hangul": 0.05}
HAN, HANGUL = range(0x4E00, 0x4E00 + 2_500), range(0xAC00, 0xAC00 + 11_172)


def columns(videos: int, seed: int = 1) -> dict[str, Array]:
    """The columns of a catalog that an index reads."""
    rng = np.random.default_rng(seed)
    known = {name: _words(name, 12_000, rng) for name in SHARES}
    names = [f"{one.title()} {other.title()}" for one, other in zip(known["latin"], known["latin"][::-1], strict=True)]
    alphabets = rng.choice(list(SHARES), size=videos, p=list(SHARES.values()))
    rows = [_video(known[alphabet], names, alphabet, rng) for alphabet in alphabets.tolist()]
    found: dict[str, Array] = {}
    for name in rows[0] if rows else ():
        found[name] = np.empty(videos, dtype=object)
        for place, row in enumerate(rows):
            found[name][place] = row[name]
    return found


def mistyped(title: str, rng: np.random.Generator) -> str:
    """The title with one letter left out, added, changed, or two swapped; blanks are letters."""
    at, letters = int(rng.integers(len(title))), title.replace(" ", "")
    other = letters[int(rng.integers(len(letters)))]
    kind = int(rng.integers(4))
    if kind == 0:
        return title[:at] + title[at + 1 :]
    if kind == 1:
        return title[:at] + other + title[at:]
    if kind == 2:
        return title[:at] + other + title[at + 1 :]
    return title[:at] + title[at : at + 2][::-1] + title[at + 2 :]


def _video(known: list[str], names: list[str], alphabet: str, rng: np.random.Generator) -> dict[str, Any]:
    def some(count: int) -> list[str]:
        return [known[min(int(place), len(known) - 1)] for place in rng.zipf(1.15, size=count) % len(known)]

    if alphabet == "han":
        title, description = "".join(some(int(rng.integers(2, 5)))), "".join(some(20))
    else:
        words = some(int(rng.integers(1, 5)))
        words[int(rng.integers(len(words)))] = known[int(rng.integers(len(known)))]
        if rng.random() < 0.4:
            words.insert(int(rng.integers(len(words) + 1)), SMALL[int(rng.integers(len(SMALL)))])
        title, description = " ".join(words).capitalize(), " ".join([*some(24), *SMALL[:4]])
    cast = [names[int(place)] for place in rng.integers(len(names), size=3)]
    genres = [f"genre{int(rng.integers(20))}"]
    return {
        "title": title,
        "description": description,
        "creator_name": names[int(rng.zipf(1.3)) % len(names)],
        "cast": cast,
        "tags": some(3) if alphabet != "han" else [],
        "category": genres[0],
        "genre_names": genres,
    }


def _words(alphabet: str, count: int, rng: np.random.Generator) -> list[str]:
    """Distinct ones, the common ones first and shorter."""
    found: dict[str, None] = {}
    while len(found) < count:
        length = 2 + min(len(found) // 3_000, 2) + int(rng.integers(2))
        if alphabet in ("han", "hangul"):
            letters = HAN if alphabet == "han" else HANGUL
            picked = rng.integers(len(letters), size=2 if alphabet == "han" else length)
            found["".join(chr(letters[int(one)]) for one in picked)] = None
        else:
            hard, soft = ALPHABETS[alphabet]
            pairs = ((hard[int(rng.integers(len(hard)))], soft[int(rng.integers(len(soft)))]) for _ in range(length))
            found["".join(one + other for one, other in pairs)] = None
    return list(found)
