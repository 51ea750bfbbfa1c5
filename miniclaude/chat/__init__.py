"""A turn of a conversation: load, stream, save."""
