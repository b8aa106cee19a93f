"""How we learn it: data sets, splits, training loops, evaluation, releases."""
