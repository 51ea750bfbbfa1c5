"""Which examples share a forward, and in what order."""

from __future__ import annotations

import numpy as np

from miniclaude.training.packing import PackedBatches, pack_epochs
from tests.training.tiny import counting_set

LENGTHS = np.array([5, 30, 7, 9, 12, 8, 3, 10])


def test_every_epoch_reads_each_example_once_in_a_new_order() -> None:
    packed = pack_epochs(LENGTHS, size=20, epochs=2, seed=1)
    order = np.concatenate(packed).tolist()
    assert sorted(order[:8]) == sorted(order[8:]) == list(range(8))
    assert order[:8] != order[8:]
    for chosen in packed:
        assert LENGTHS[chosen].sum() <= 20 or len(chosen) == 1
    assert len(np.concatenate(pack_epochs(LENGTHS, size=20, epochs=0.5))) == 4


def test_so_many_batches_are_made_however_often_the_examples_are_read() -> None:
    packed = pack_epochs(LENGTHS, size=20, batches=30, seed=1)
    assert len(packed) == 30
    again = pack_epochs(LENGTHS, size=20, batches=30, seed=1)
    assert all(np.array_equal(one, other) for one, other in zip(packed, again, strict=True))


def test_no_more_examples_than_asked_for_share_a_batch() -> None:
    packed = pack_epochs(LENGTHS, size=1000, most=3)
    assert [len(chosen) for chosen in packed] == [3, 3, 2]


def test_a_batch_holds_the_chosen_documents() -> None:
    documents = counting_set()
    batches = PackedBatches(documents, [np.array([3, 0])])
    assert len(batches) == 1
    assert batches[0].lengths == (int(documents.lengths[3]), int(documents.lengths[0]))
    assert batches[0].ids[0, 0] == documents.document(3)[0][0]
