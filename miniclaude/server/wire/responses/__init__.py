"""OpenAI's Responses protocol, as a server of it."""
