"""Unmodified clients, each in an environment of its own, against a live server: `make clients`."""
