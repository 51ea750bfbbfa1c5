"""Documents as token ids: what training reads, in one safetensors file a source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from miniclaude.errors import DatasetError
from miniclaude.model.new_file import flush_to_disk


@dataclass(frozen=True, slots=True)
class TokenDocument:
    """One document, at most context + 1 tokens long.

    ids: the tokens. learn: which of them the model is taught (and scored on) to predict; the first
    never is, nothing stands before it. size: UTF-8 bytes of the text that the learnt tokens spell.
    """

    ids: Sequence[int]
    learn: Sequence[bool]
    size: int


class TokenSet:
    """Many documents, end to end.

    ids: [N] int32. learn: [N] bool. starts: [D + 1] int64, document d is ids[starts[d] :
    starts[d + 1]]. sizes: [D] int64, bytes, see TokenDocument.
    """

    def __init__(
        self,
        ids: NDArray[np.int32],
        learn: NDArray[np.bool_],
        starts: NDArray[np.int64],
        sizes: NDArray[np.int64],
    ) -> None:
        self.ids = ids
        self.learn = learn
        self.starts = starts
        self.sizes = sizes

    @classmethod
    def gather(cls, documents: Iterable[TokenDocument]) -> TokenSet:
        """Lay documents end to end; those of fewer than two tokens teach nothing and are left."""
        kept = [document for document in documents if len(document.ids) > 1]
        lengths = np.array([len(document.ids) for document in kept], dtype=np.int64)
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))
        ids = np.empty(int(starts[-1]), np.int32)
        learn = np.empty(int(starts[-1]), np.bool_)
        for document, start, end in zip(kept, starts, starts[1:], strict=False):
            ids[start:end] = document.ids
            learn[start:end] = document.learn
        sizes = np.array([document.size for document in kept], dtype=np.int64)
        return cls(ids, learn, starts, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Positions each document takes in a batch: one fewer than its tokens. [D]."""
        lengths: NDArray[np.int64] = np.diff(self.starts) - 1
        return lengths

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the tokens, of which are learnt, and of where documents
        begin."""
        digest = hashlib.sha256()
        for array in (self.ids, self.learn, self.starts):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def document(self, index: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Ids and learn mask of one document, both [length + 1]."""
        piece = slice(int(self.starts[index]), int(self.starts[index + 1]))
        return self.ids[piece], self.learn[piece]

    def save(self, path: Path) -> None:
        """Write the set as one safetensors file, which appears whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        arrays = {"ids": self.ids, "learn": self.learn, "starts": self.starts, "sizes": self.sizes}
        save_file(arrays, partial)
        flush_to_disk(partial)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> TokenSet:
        """Read what `save` wrote. Raises DatasetError when it is missing or not such a file."""
        try:
            arrays = load_file(path)
            return cls(arrays["ids"], arrays["learn"], arrays["starts"], arrays["sizes"])
        except (OSError, SafetensorError, KeyError) as error:
            raise DatasetError(
                f"{path} is not a file of tokens: {error}.",
                hint="Remove it and prepare the data again.",
            ) from error


def split_text(
    ids: Sequence[int], byte_lengths: Sequence[int], context: int
) -> Iterator[TokenDocument]:
    """A text's ids as documents of at most context + 1 tokens.

    Each begins with the token that ended the one before, so that every token but the very first is
    predicted exactly once. byte_lengths: bytes of each id of the vocabulary.
    """
    for start in range(0, max(len(ids) - 1, 0), context):
        piece = ids[start : start + context + 1]
        learn = [False] + [True] * (len(piece) - 1)
        yield TokenDocument(piece, learn, sum(byte_lengths[token] for token in piece[1:]))
