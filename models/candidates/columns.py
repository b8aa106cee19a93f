"""The columns that candidates carry from stage to stage: one name each, with who writes it and who reads it.

    column            written by                            read by
    ROW               feed/candidates                       feed/candidates
    FROM              feed/candidates                       feed/candidates, feed/truncation
    ANCHOR            sources/neighbours, sources/series    feed/rows/because_you_watched, feed/presenter
    EXPLORE_POOL      sources/explore                       feed/rows/something_different
    CREATOR           feed/hydrators                        feed/rows/recommendations, feed/rows/spec
    CATEGORY          feed/hydrators                        feed/rows/recommendations
    FRESH             feed/hydrators                        feed/rows/recommendations
    TWO_TOWER_SCORE   feed/hydrators                        feed/scorers, feed/rerankers, feed/presenter, feed/feed
    SCORE             feed/scorers                          feed/scorers, feed/rerankers, feed/presenter
    BOOST             feed/scorers                          feed/presenter

Beside them stand the heads of the ranker (models.ranking.ranker.HEADS), which feed/scorers writes and feed/presenter
reads. A value that is not there is NaN in a float column and -1 in an integer column. tests/contracts/test_columns.py
holds this table against the imports.
"""

ROW = "row"  # (N,) int64: which row of the catalog a candidate is
FROM = "from:"  # prefix: "from:<source>" is that source's own score, NaN where it did not find the video
ANCHOR = "anchor"  # the catalog row of the watched video that a candidate follows from
EXPLORE_POOL = "explore_pool"  # among how many videos an explored one was drawn
CREATOR = "creator"  # code of whom viewers know the creator by; -1 = none
CATEGORY = "category"  # code of the main category; -1 = none
FRESH = "fresh"  # bool: published recently, by the policy
TWO_TOWER_SCORE = "two_tower_score"  # dot product of the viewer's vector and the video's
SCORE = "score"  # higher is better; the last scorer's counts
BOOST = "boost"  # the factor that novelty put on the score
