"""Models are judged beside baselines."""
