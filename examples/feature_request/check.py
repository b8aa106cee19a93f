"""A number of the request itself: one function, which training rows and served candidates run alike."""

import tempfile
from pathlib import Path

import numpy as np
from worlds.parity import trained_and_served

from feature_repo.compute.crosses import CROSSES
from feature_repo.compute.inputs import FeatureInputs, context_columns

with tempfile.TemporaryDirectory() as folder:
    trained, served = trained_and_served(Path(folder))
assert trained["is_evening"].tolist() == served["is_evening"].tolist() == [0.0] * len(served["is_evening"])  # midnight
hours = np.arange(24)
asked = context_columns(hours * 3_600_000_000, ["tv"] * 24, [0] * 24, ["home"] * 24)
evenings = hours[CROSSES.functions["is_evening"](FeatureInputs({}, {}, asked))]
assert evenings.tolist() == [18, 19, 20, 21, 22]
print("evening hours:", evenings.tolist())
