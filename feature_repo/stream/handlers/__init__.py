"""Handlers of the log's records: folding features, writing the lake."""
