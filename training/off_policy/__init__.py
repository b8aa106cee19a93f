"""Off-policy evaluation: the value of another policy, from a log with propensities."""
