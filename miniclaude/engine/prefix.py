"""Names for what has been computed: a block of the cache is known by all the tokens up to its end.

The key of a block is a hash of the key before it and of the block's own tokens, so that equal keys
mean equal texts from the first token on. The chain begins with a salt of the user and the adapter:
nothing that was computed for one user, or with other weights, is ever found by another. No torch.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b

KEY_BYTES = 16


def salt(user: str, adapter: str = "") -> bytes:
    """Where the chain of one user's texts, read with one adapter, begins. Whose it is cannot be
    made up of parts of others: each is preceded by its length."""
    digest = blake2b(digest_size=KEY_BYTES, person=b"kv-prefix")
    for part in (user, adapter):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


class BlockKeys:
    """The keys of one sequence's full blocks, in order; `cover` adds those of what has grown.

    size: tokens in a block.
    """

    def __init__(self, start: bytes, size: int) -> None:
        self.start = start
        self.size = size
        self.keys: list[bytes] = []

    def cover(self, tokens: Sequence[int]) -> None:
        """tokens: the whole sequence so far; what was covered before must not have changed."""
        while (len(self.keys) + 1) * self.size <= len(tokens):
            at = len(self.keys) * self.size
            before = self.keys[-1] if self.keys else self.start
            block = array("q", tokens[at : at + self.size]).tobytes()
            self.keys.append(blake2b(before + block, digest_size=KEY_BYTES).digest())

    def copy(self) -> BlockKeys:
        """The same so far, to be gone on with apart."""
        twin = BlockKeys(self.start, self.size)
        twin.keys = list(self.keys)
        return twin
