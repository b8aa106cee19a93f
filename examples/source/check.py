"""The source brings candidates to a page and says so, in a row that the page already had."""

from worlds import arithmetic

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from models.candidates.sources.registry import MEASURED
from models.candidates.sources.tags import SHARED_TAGS

feed = build_feed(arithmetic.toy_release(), arithmetic.toy_reader(), None, now_us=lambda: arithmetic.NOW_US)
page = feed.page(Query(user_id="light", deadline_ms=60_000))
found = [item.title for row in page.rows for item in row.items if SHARED_TAGS in item.sources]
assert (page.served_by, page.warnings) == ("full_funnel", ())
assert found, "no video of the page was found by its tags"
assert SHARED_TAGS in [spec.name for spec in MEASURED], "training measures its recall without another line"
print(f"found by shared tags: {', '.join(found)}")
