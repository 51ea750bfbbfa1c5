"""Anthropic's Messages protocol, as a server of it."""
