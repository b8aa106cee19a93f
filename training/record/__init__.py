"""What was done and what it gave: steps, results, MLflow."""
