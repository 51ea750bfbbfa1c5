"""The product as short scripts: read one, run it, change it."""
