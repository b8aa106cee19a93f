"""Ingests MovieLens: films as videos, ratings as watches."""

from feature_repo.ingest.movielens.world import ingest

__all__ = ["ingest"]
