"""Evaluation of models against baselines."""
