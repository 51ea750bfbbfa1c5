"""What a packed model computes in, where memory is short."""

from __future__ import annotations

import pytest

from miniclaude.engine import fused
from miniclaude.engine.engine import Engine
from miniclaude.engine.fused import FusedModel, make_room
from miniclaude.engine.limits import EngineLimits
from miniclaude.model.fused_network import Network, Room
from miniclaude.model.packed_layers import pack_model
from tests.engine.tiny import ByteVocabulary, ask, finishes, run, tiny_model


def test_memory_that_was_short_once_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy had no room for so long a text: its request ends, the worker does not; and the next
    text of that length must not be computed as if there were room, for the kernels write where
    they are told to."""
    model = tiny_model("llama")
    pack_model(model, 8)
    engine = Engine(FusedModel(model, 1), ByteVocabulary(), EngineLimits(kv_tokens=512))
    made: list[int] = []

    def make(net: Network, width: int, tokens: int, threads: int, positions: int) -> Room:
        made.append(positions)
        if len(made) == 1:
            raise MemoryError("Unable to allocate")
        return make_room(net, width, tokens, threads, positions)

    monkeypatch.setattr(fused, "make_room", make)
    [output] = run(engine, ask("a", "abc"))
    assert (output.finish, output.error) == ("error", "The model failed: Unable to allocate")
    assert finishes(run(engine, ask("b", "abc"))) == {("b", 0): "length"}
    assert made[1] == made[0] > 3
