"""What outlives the process: conversations, in SQLite or PostgreSQL."""
