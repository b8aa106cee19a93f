"""Watches of the last day before midnight: one entry, and the batch job, training and serving have it."""

import tempfile
from pathlib import Path

from worlds.parity import VIDEOS, trained_and_served

with tempfile.TemporaryDirectory() as folder:
    trained, served = trained_and_served(Path(folder))
day, week = served["video_watch_count_1d"], served["video_watch_count_7d"]
assert trained["video_watch_count_1d"].tolist() == day.tolist()
assert 0 < day.sum() < week.sum()
assert (day <= week).all()
print("watches of the last day:", {video: int(count) for video, count in zip(VIDEOS, day, strict=True) if count})
