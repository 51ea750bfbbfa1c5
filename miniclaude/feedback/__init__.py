"""What was said and rated → examples to learn from."""
