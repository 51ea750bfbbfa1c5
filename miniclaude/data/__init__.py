"""Rows of text and conversations, on their way to training."""
