"""Batch jobs: build the offline feature tables, materialize them."""
