"""The row stands on the page, holds short videos only, and no video stands twice."""

from worlds import arithmetic

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from bento_services.feed.rows.quick_watches import QUICK_SECONDS

feed = build_feed(arithmetic.big_release(), arithmetic.big_reader(), None, now_us=lambda: arithmetic.NOW_US)
page = feed.page(Query(user_id="u004", deadline_ms=60_000))
row = next(row for row in page.rows if row.row_id == "quick_watches")
shown = [item.video_id for one in page.rows for item in one.items]
assert max(item.duration for item in row.items) <= QUICK_SECONDS
assert len(shown) == len(set(shown)), "a video stands twice"
print(f"{row.title}: {len(row.items)} videos, the longest of {max(item.duration for item in row.items) / 60:.0f} min")
