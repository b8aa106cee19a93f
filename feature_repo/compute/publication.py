"""When a video was published. 0 says that it is not known: such a video is never new, and is as old as any."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US

Array = np.ndarray[Any, Any]

UNKNOWN_US = 0


def published_since(published_us: Array, since_us: int) -> Array:
    """Bool: known to be published at or after this moment."""
    found: Array = (published_us >= since_us) & (published_us != UNKNOWN_US)
    return found


def age_days(published_us: Array, now_us: Array | int) -> Array:
    """Float64; negative before the publication, infinite where that is not known."""
    found: Array = np.where(published_us != UNKNOWN_US, (now_us - published_us) / DAY_US, np.inf)
    return found
