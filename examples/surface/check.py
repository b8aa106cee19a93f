"""The feed answers the new surface with its own row and ladder, beside the home page and from the same parts."""

from worlds import arithmetic

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from bento_services.feed.surfaces.trending import NAME

feed = build_feed(arithmetic.big_release(), arithmetic.big_reader(), None, now_us=lambda: arithmetic.NOW_US)
page = feed.page(Query(user_id="u004", deadline_ms=60_000), NAME)
videos, users = arithmetic.big_videos(), arithmetic.big_users()
trends = [videos[item.video_id]["watch_decayed_1d"] for item in page.recommendations]
seen = set(users["u004"]["history_video_ids"])
assert (page.served_by, [row.title for row in page.rows]) == ("trending", ["Trending now"])
assert not seen.intersection(item.video_id for item in page.recommendations)
assert feed.page(Query(user_id="u004", deadline_ms=60_000)).served_by == "full_funnel"
print(f"{len(trends)} videos; watches of the last day: {', '.join(f'{trend:.1f}' for trend in trends[:5])} …")
