"""Everything that can answer a chat: one async protocol, several speakers."""
