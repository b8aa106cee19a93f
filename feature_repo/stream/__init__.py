"""Events: the durable log, and the processor that folds it into features."""
