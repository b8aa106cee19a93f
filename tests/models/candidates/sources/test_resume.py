"""What was begun and not finished, the latest first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.candidates.sources.resume import Resume
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]


def test_what_is_complete_or_was_skipped_is_not_resumed(ask: Ask) -> None:
    request = ask(history_video_ids=["a", "b", "c", "gone", "d"], history_watch_fractions=[0.5, 1.0, 0.6, 0.5, 0.01])
    found = Resume().find(request, np.ones(6, dtype=bool), 5)
    assert (found.rows.tolist(), found.scores.tolist()) == ([2, 0], [0.6, 0.5])
    assert Resume().find(request, np.eye(6, dtype=bool)[0], 5).rows.tolist() == [0]
    assert len(Resume().find(request, np.ones(6, dtype=bool), 1)) == 1
