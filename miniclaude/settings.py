"""Settings (placeholder until written)."""
