"""Settings of promotion, read by the verbs that promote and by a service that follows the champion."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.settings import Section


@dataclass(frozen=True)
class PromotionConfig:
    force: bool = False  # promote although a gate fails
    keep: int = 5  # releases to keep besides champion and previous: those that served last, then the newest others
    check_seconds: float = 120.0  # time limit of the check that a release can serve
    check_memory_mb: int = 4096  # memory limit of that check


PROMOTION = Section("promotion", PromotionConfig, "marquee promote, service")
