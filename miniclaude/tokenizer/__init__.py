"""Text to token ids and back, and messages to token ids. No torch in this room."""
