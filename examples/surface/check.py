"""The feed answers the new surface with its own row and ladder, beside the home page and from the same parts."""

from worlds import arithmetic

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from bento_services.feed.surfaces.popular import POPULAR

feed = build_feed(arithmetic.big_release(), arithmetic.big_reader(), None, now_us=lambda: arithmetic.NOW_US)
page = feed.page(Query(user_id="u004", deadline_ms=60_000, rows=False), POPULAR)
videos, users = arithmetic.big_videos(), arithmetic.big_users()
watches = [videos[item.video_id]["video_watch_count_30d"] for item in page.recommendations]
seen = set(users["u004"]["history_video_ids"])
assert (page.served_by, [row.title for row in page.rows]) == ("popular", ["Popular now"])
assert watches
assert not seen.intersection(item.video_id for item in page.recommendations)
assert feed.page(Query(user_id="u004", deadline_ms=60_000)).served_by == "full_funnel"
print(f"{len(watches)} videos; watches of the last month: {', '.join(f'{count:.0f}' for count in watches[:5])} …")
