"""The engine room's tests."""
