"""What an assistant can do besides writing: tools that it calls."""
