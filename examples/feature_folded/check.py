"""A field of the state and its rule: replay, processor, training and serving have it; older states have its default."""

import tempfile
from pathlib import Path

from worlds import toy
from worlds.parity import VIEWER, trained_and_served

from feature_repo.compute.fold import user_state

with tempfile.TemporaryDirectory() as folder:
    trained, served = trained_and_served(Path(folder))
longest = max(event["watch_seconds"] for event in toy.events() if event["user_id"] == VIEWER)
assert set(trained["user_longest_watch_seconds"]) == set(served["user_longest_watch_seconds"]) == {longest}
assert user_state({"user_watch_seconds": 60.0}).user_longest_watch_seconds == 0.0
print(f"longest watch of {VIEWER}: {longest:.0f} s")
