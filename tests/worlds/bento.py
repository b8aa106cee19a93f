"""The BentoML services, imported into a test: BentoML's own imports warn, and tests take warnings for errors."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from bento_services.process import home_service
    from bento_services.process.ranking_service import RankingService
    from bento_services.process.retrieval_service import RetrievalService

__all__ = ["RankingService", "RetrievalService", "home_service"]
