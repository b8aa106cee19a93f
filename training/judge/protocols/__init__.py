"""Runs the protocols of training/configs, which define questions, baselines and seeds."""
