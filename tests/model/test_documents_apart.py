"""Packing must not change what a document's tokens see."""

from __future__ import annotations

import torch

from miniclaude.model.documents_apart import DocumentsApart
from tests.training.tiny import tiny_model


@torch.inference_mode()
def test_a_packed_document_is_computed_as_if_it_were_alone() -> None:
    """Without the wall, the second document would read the first, and its positions would start
    late."""
    model = tiny_model().eval()
    documents = [torch.randint(0, 24, (1, length)) for length in (3, 7, 1, 5)]
    packed = model(torch.cat(documents, dim=1), DocumentsApart([3, 7, 1, 5]))
    alone = torch.cat([model(document) for document in documents], dim=1)
    torch.testing.assert_close(packed, alone, atol=1e-5, rtol=1e-4)


def test_positions_begin_anew_in_each_document() -> None:
    positions, lengths = DocumentsApart([3, 2]).places(5)
    assert positions.tolist() == [[0, 1, 2, 0, 1]]
    assert lengths.tolist() == [[3, 3, 3, 2, 2]]
