"""The inference engine: requests in, tokens out, many at a time."""
