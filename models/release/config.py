"""The settings of promotions, read by the verbs that promote and by a service that follows them."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.settings import Section


@dataclass(frozen=True)
class PromotionConfig:
    force: bool = False  # promote although a gate fails
    keep: int = 5  # releases: the last ones that served, and the newest of the others, beside champion and previous
    check_seconds: float = 120.0  # for the child process that loads a release and makes pages of it before it serves
    check_memory_mb: int = 4096  # of that child process


PROMOTION = Section("promotion", PromotionConfig, "marquee promote, service")
