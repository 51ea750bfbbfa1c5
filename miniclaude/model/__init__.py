"""The decoder-only transformer, its two families, and their checkpoints on disk."""
