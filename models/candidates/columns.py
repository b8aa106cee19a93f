"""The columns that candidates carry from stage to stage: one name each, with who writes it and who reads it.

    column            written by                            read by
    ROW               feed/candidates                       feed/candidates
    FROM              feed/candidates                       feed/candidates, feed/truncation
    ANCHOR            sources/neighbours, sources/series    feed/rows/because_you_watched, feed/presenter
    EXPLORE_POOL      sources/explore                       feed/rows/something_different
    CREATOR           feed/hydrators                        feed/rows/recommendations, feed/rows/spec, feed/page_budget
    CATEGORY          feed/hydrators                        feed/rows/recommendations, feed/page_budget, feed/rerankers
    CATEGORY                                                feed/moment
    FRESH             feed/hydrators                        feed/rows/recommendations
    TWO_TOWER_SCORE   feed/hydrators                        feed/scorers, feed/rerankers, feed/presenter, feed/feed
    SCORE             feed/scorers, feed/candidates         feed/rerankers, feed/presenter, feed/rows/recommendations
    SCORE             feed/newcomers                        feed/newcomers
    VIEWER_SCORE      feed/scorers                          feed/rerankers
    BOOST             feed/scorers, feed/candidates         feed/presenter

The heads of the ranker (models.ranking.ranker.HEADS) are columns too, which feed/scorers writes and feed/presenter
reads. A missing value is NaN in a float column and -1 in an integer column. tests/contracts/test_columns.py checks this
table against the imports.
"""

ROW = "row"  # (N,) int64: the candidate's row in the catalog
FROM = "from:"  # prefix: "from:<source>" is that source's own score, NaN where it did not find the video
ANCHOR = "anchor"  # the catalog row of the watched video that led to the candidate
EXPLORE_POOL = "explore_pool"  # size of the pool that an explored video was drawn from
CREATOR = "creator"  # code of the creator; -1 = none
CATEGORY = "category"  # code of the main category; -1 = none
FRESH = "fresh"  # bool: published recently, by the policy
TWO_TOWER_SCORE = "two_tower_score"  # dot product of the viewer's vector and the video's
VIEWER_SCORE = "viewer_score"  # the score before likeness replaced it
SCORE = "score"  # of the last scorer; higher is better
BOOST = "boost"  # the factor that the score was multiplied by, for novelty and by rules
