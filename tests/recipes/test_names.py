"""Names that nobody has met, so that a model has to copy them."""

from __future__ import annotations

from random import Random

from recipes.bundled.generators.names import INSULTING, PETS, WOMEN, invented, pet_name, town


def test_invented_names_are_many_and_insult_nobody() -> None:
    """Syllables put together by chance spell everything in the end, and a public model would say
    it."""
    random = Random(1)
    names = [invented(random) for _ in range(50_000)]
    assert len(set(names)) > 40_000
    assert not [name for name in names if any(stem in name.lower() for stem in INSULTING)]
    assert all(name.isalpha() and name.istitle() and 4 <= len(name) <= 14 for name in names)
    assert not set(names) & {"Nazi", "Rape", "Kike", "Puta", "Pedo", "Nude", "Homo"}


def test_who_is_left_out_is_never_drawn() -> None:
    """A pet of its owner's name made questions with two right answers."""
    random = Random(2)
    for _ in range(2_000):
        assert pet_name(random, *PETS[1:]) not in PETS[1:]
        assert town(random, "Porto") != "Porto"
    assert len(WOMEN) > 50
