"""The protocols of training/configs: each fixes question, baselines and seeds."""
