"""A column that the catalog states: stored where the lake has it, its default where not, the same for both readers."""

import tempfile
from pathlib import Path

from worlds.parity import VIDEOS, trained_and_served

from feature_repo.registry import feature

originals = [number % 3 == 0 for number in range(len(VIDEOS))]
with tempfile.TemporaryDirectory() as folder:
    trained, served = trained_and_served(Path(folder), {"is_original": [int(one) for one in originals]})
assert trained["is_original"].tolist() == served["is_original"].tolist() == originals
with tempfile.TemporaryDirectory() as folder:
    trained, served = trained_and_served(Path(folder))  # an older lake, without the column
assert trained["is_original"].tolist() == served["is_original"].tolist() == [0] * len(VIDEOS)
print(f"{feature('is_original').description}: {sum(originals)} of {len(VIDEOS)} videos")
