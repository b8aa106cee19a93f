"""A picture for a video that has none: its title on a colour of its category, as SVG."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from hashlib import blake2b
from html import escape

LINE, LINES = 22, 3  # characters of a line, and lines
KEPT = 4_096  # pictures of less than a kilobyte


@lru_cache(maxsize=KEPT)
def picture(title: str, category: str) -> bytes:
    printable = "".join(one if one.isprintable() else " " for one in title)
    lines = textwrap.wrap(printable, LINE, max_lines=LINES, placeholder="…") or ["Untitled"]
    hue = int.from_bytes(blake2b(category.encode(), digest_size=2).digest(), "big") % 360
    words = "".join(f'<text x="20" y="{70 + 30 * at}">{escape(line)}</text>' for at, line in enumerate(lines))
    named = escape("".join(one if one.isprintable() else " " for one in category)[:40])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180" font-family="sans-serif" fill="#fff">'
        f'<rect width="320" height="180" fill="hsl({hue},45%,28%)"/>'
        f'<g font-size="24">{words}</g><text x="20" y="164" font-size="14">{named}</text></svg>'
    ).encode()
