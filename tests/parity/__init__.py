"""Our forward pass against `transformers`, on tiny random checkpoints of every family."""
