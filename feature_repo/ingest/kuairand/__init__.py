"""KuaiRand-Pure into the lake: real exposures of short videos with clicks, likes and seconds watched.

`log_standard_*.parquet` are exposures with every outcome. `history_*.parquet` (optional) are the last exposures of each
user before the log: their order, whether they were watched long or liked, and the time of the last one. Their times are
spread evenly from the first day of the set to the last one known. Videos have no titles here; the 32 most frequent tags
serve as genres.
"""

from feature_repo.ingest.kuairand.world import ingest

__all__ = ["ingest"]
