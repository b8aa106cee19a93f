"""One line in SAFETY, and no page shows a child a long video; lists for everybody and estimates ask the same tuple."""

from worlds import arithmetic

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from feature_repo.store.memory import MemoryReader
from models.page import filters, short_for_children

users = arithmetic.big_users()
users["a-child"] = {"maturity_limit": 7, "signup_timestamp_us": 1}
videos = arithmetic.big_videos()
reader = MemoryReader(arithmetic.BIG, users, videos)
feed = build_feed(arithmetic.big_release(), reader, None, now_us=lambda: arithmetic.NOW_US)


def longest_seconds(viewer: str) -> float:
    page = feed.page(Query(user_id=viewer, deadline_ms=60_000))
    assert not page.warnings, page.warnings
    return max(item.duration for row in page.rows for item in row.items)


child, adult = longest_seconds("a-child"), longest_seconds("nobody")
assert child <= short_for_children.LONGEST_SECONDS < adult, (child, adult)
assert any(isinstance(rule, short_for_children.ShortForChildren) for rule in filters.SAFETY)
print(f"longest video of a child's page: {child / 60:.0f} min; of another one: {adult / 60:.0f} min")
