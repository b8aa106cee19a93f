"""What is measured: feature drift, embedding drift, quality and diversity."""
