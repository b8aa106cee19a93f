"""What the supervisor tells of its children, and of the jobs of its home."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bento_services.process.family_metrics import FamilyMetrics, memory_of
from feature_repo.core.home import Home


def samples(found: FamilyMetrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value for family in found.collect() for sample in family.samples
    }


def test_each_child_is_up_or_not_with_its_restarts_and_its_memory(tmp_path: Path) -> None:
    here: Any = SimpleNamespace(name="service", pid=os.getpid(), deaths=2)
    gone: Any = SimpleNamespace(name="service-2", pid=0, deaths=1)
    found = samples(FamilyMetrics(Home(tmp_path), lambda: (here, gone)))
    assert found["marquee_process_up", "service"] == found["marquee_process_up", "supervisor"] == 1
    assert found["marquee_process_up", "service-2"] == 0
    assert found["marquee_process_restarts_total", "service"] == 2
    assert found["marquee_process_memory_bytes", "service", "rss"] > 1e6
    assert ("marquee_process_memory_bytes", "service-2", "rss") not in found


def test_what_is_shared_counts_in_part_and_a_process_that_is_gone_has_none() -> None:
    memory = memory_of(os.getpid())
    assert 0 < memory["pss"] <= memory["rss"]
    assert memory_of(0) == memory_of(2**22 + 1) == {}


def test_the_last_end_of_each_verb_is_told_and_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.run / "jobs").mkdir(parents=True)
    (home.run / "jobs" / "features.json").write_text(json.dumps({"ended_at": 5.0, "seconds": 2.5, "status": 4}))
    (home.run / "jobs" / "train.json").write_text('{"ended_at": 5')
    found = samples(FamilyMetrics(home, tuple))
    assert found["marquee_job_ended_timestamp_seconds", "features"] == 5
    assert found["marquee_job_seconds", "features"] == 2.5
    assert found["marquee_job_status", "features"] == 4
    assert not [key for key in found if "train" in key]
