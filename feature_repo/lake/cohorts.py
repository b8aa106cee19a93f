"""What cohorts of viewers were shown of late: how varied the first places of pages were, and how evenly videos fell.

A cohort is the viewers of one country and age group, "" where it is not known. Varied and even are numbers of equals:
exp(entropy), which is n where n categories, or videos, were shown equally often.
"""

from __future__ import annotations

from dataclasses import dataclass
from glob import escape, glob

from feature_repo.compute.fold import DAY_US
from feature_repo.lake.parquet import duckdb_connection, parquet_files
from feature_repo.lake.tables import Lake

FIRST_PLACES = 20  # of a page, of which categories are counted
LEAST_PLACES = 10  # of a page with fewer, few categories say nothing
BEFORE_DAYS = 7


@dataclass(frozen=True)
class Cohort:
    """The last 24 hours of a cohort, beside each of the seven days before them."""

    country: str
    age_group: str
    viewers: int
    impressions: int
    categories: float  # in the first places of a page, on average; 0.0: no page was long enough
    videos: float  # of as many impressions as were counted of every day
    videos_before: float  # of a day, on average; 0.0: nothing was shown before

    @property
    def fall(self) -> float:
        """Share of a day's videos that is gone since; below 0 there are more."""
        return 1.0 - self.videos / self.videos_before if self.videos_before else 0.0


def cohorts_of(lake: Lake, now_us: int) -> list[Cohort]:
    """By country and age group; none of a lake without impressions. Raises FileError for a file that cannot be read."""
    if not glob(lake.impressions_glob):
        return []
    with duckdb_connection() as connection:
        rows = connection.execute(
            _QUERY.format(
                impressions=parquet_files(lake.impressions_glob),
                users=parquet_files(escape(lake.users_path)),
                videos=parquet_files(escape(lake.videos_path)),
            ),
            {
                "before_us": now_us - (1 + BEFORE_DAYS) * DAY_US,
                "now_us": now_us,
                "day_us": DAY_US,
                "first": FIRST_PLACES,
                "least": LEAST_PLACES,
            },
        ).fetchall()
    return [Cohort(*row) for row in rows]


# As many impressions of every day, by a hash of their ids: entropy grows with what is counted. Days with fewer are left
# out, and days are not put together: what is new differs from day to day.
_QUERY = """
WITH shown AS (
    SELECT impression_id, any_value(request_id) AS request_id, any_value(user_id) AS user_id,
        any_value(video_id) AS video_id, any_value(position) AS position,
        ($now_us - 1 - any_value(timestamp_us)) // $day_us AS day
    FROM {impressions} WHERE timestamp_us >= $before_us AND timestamp_us < $now_us GROUP BY impression_id
), known AS (
    SELECT shown.*, coalesce(u.country, '') AS country, coalesce(u.age_group, '') AS age_group,
        coalesce(v.category, '') AS category
    FROM shown LEFT JOIN {users} u USING (user_id) LEFT JOIN {videos} v USING (video_id)
), pages AS (
    SELECT country, age_group, exp(ln(sum(n)) - sum(n * ln(n)) / sum(n)) AS categories
    FROM (
        SELECT country, age_group, user_id, request_id, category, count(*) AS n FROM known
        WHERE day = 0 AND position < $first GROUP BY ALL
    ) GROUP BY country, age_group, user_id, request_id HAVING sum(n) >= $least
), days AS (
    SELECT country, age_group, day, count(*) AS n FROM known GROUP BY ALL
), sizes AS (
    SELECT country, age_group, least(max(n) FILTER (day = 0), max(n) FILTER (day > 0)) AS size FROM days GROUP BY ALL
), counted AS (
    SELECT country, age_group, day, video_id,
        row_number() OVER (PARTITION BY country, age_group, day ORDER BY hash(impression_id)) AS nth,
        count(*) OVER (PARTITION BY country, age_group, day) AS of_day
    FROM known
), spread AS (
    SELECT country, age_group, day, exp(ln(sum(n)) - sum(n * ln(n)) / sum(n)) AS videos
    FROM (
        SELECT country, age_group, day, video_id, count(*) AS n FROM counted JOIN sizes USING (country, age_group)
        WHERE of_day >= size AND nth <= size GROUP BY ALL
    ) GROUP BY country, age_group, day
)
SELECT country, age_group, count(DISTINCT user_id), count(*),
    coalesce((SELECT avg(categories) FROM pages p WHERE p.country = k.country AND p.age_group = k.age_group), 0.0),
    coalesce((SELECT avg(videos) FROM spread s
        WHERE s.country = k.country AND s.age_group = k.age_group AND day = 0), 0.0),
    coalesce((SELECT avg(videos) FROM spread s
        WHERE s.country = k.country AND s.age_group = k.age_group AND day > 0), 0.0)
FROM known k WHERE day = 0 GROUP BY country, age_group ORDER BY country, age_group
"""
