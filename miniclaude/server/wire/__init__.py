"""Wire formats: what callers may send, and the exact shape of what they get back."""
