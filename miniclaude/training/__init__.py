"""The one training loop and what is assembled around it."""
