"""Which weights have how many bits."""

from __future__ import annotations

from miniclaude.model.packed_layers import bits_of


def test_a_narrow_model_of_4_bits_keeps_8_for_its_embedding() -> None:
    """Of 192 columns too few average out: the embedding alone cost 5 % of the bundled model."""
    assert [bits_of(name, 192, 4) for name in ("tokens", "head", "blocks.0.mlp.up")] == [8, 8, 4]
    assert [bits_of(name, 512, 4) for name in ("tokens", "head", "blocks.0.mlp.up")] == [4, 4, 4]
    assert bits_of("tokens", 192, 8) == 8
