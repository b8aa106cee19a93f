"""The network that training fits is the new one; it learns taste, and its position bias is left out when serving."""

import numpy as np
from worlds.exposures import CONFIG, rows

from feature_repo.core.progress import SILENT
from models.encoding.ranker import RankerEncoding
from models.ranking.linear import LinearRanker
from models.ranking.network import logits_of
from training.fit.ranker_network import KnownVideos, fit_network

train, test = rows(), rows(1000, seed=2)
encoding = RankerEncoding.fit(train.columns)
network, curve = fit_network(train, rows(1000, seed=1), encoding, KnownVideos((), np.zeros((0, 1))), CONFIG, SILENT)
assert isinstance(network, LinearRanker)
clicks = logits_of(network, encoding.encode(test.columns, None))[:, 0]
found = np.corrcoef(clicks, test.columns["taste"])[0, 1]
assert found > 0.8
print(f"{type(network).__name__}: {len(curve)} epochs, correlation of its clicks with taste {found:.2f}")
