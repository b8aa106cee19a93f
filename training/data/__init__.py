"""Training rows: splits, point-in-time joins, the questions that a model is asked."""
