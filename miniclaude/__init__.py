"""Mini-Claude: an assistant you own end to end.

The rooms, bottom up: `tokenizer`, `model`, `engine`, `store`, `data`, `training`, `providers`,
`chat`, `server`, `cli`. Reading them in that order teaches how an assistant works.
"""

__version__ = "0.1.0"
