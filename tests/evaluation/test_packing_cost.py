"""What packing costs the model that ships, in bits per byte of real text, as it is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.errors import InvalidRequestError
from miniclaude.evaluation.packing_cost import PackingCost, packing_cost
from miniclaude.model.library import Library, bundled_models
from miniclaude.model.packed import Bits
from miniclaude.model.write_packed import write_packed
from tests.model.test_hub import Recorder

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = Library(tmp_path_factory.mktemp("models"), bundled_models())
    [model] = [model for model in library.list() if model.bundled]
    return model.path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Prose of our own that no model was trained on."""
    pages = ("teaching.md", "decisions/0001-engine-process.md", "decisions/0006-turns.md")
    prose = "".join((DOCS / page).read_text(encoding="utf-8") for page in pages)[:12_000]
    path = tmp_path / "text.txt"
    path.write_text(prose, encoding="utf-8")
    return path


@pytest.mark.parametrize(("bits", "most"), [(8, 0.005), (4, 0.03)])
def test_packing_costs_little(
    bundled: Path, text: Path, tmp_path: Path, bits: Bits, most: float
) -> None:
    """int8 may cost half a percent against bfloat16, int4 three."""
    folder = tmp_path / "packed"
    folder.mkdir()
    write_packed(bundled, folder, bits, progress=Recorder())
    cost = packing_cost(bundled, folder, text)
    print(f"{bits} bits: {cost}")
    assert cost.after <= (1 + most) * cost.before
    assert 1 < cost.before < 8
    assert 6_000 < cost.size < 12_500


def test_the_cost_is_said_in_a_sentence() -> None:
    assert str(PackingCost(1.0, 1.0123, 5000)) == (
        "On 5,000 bytes of text it needs 1.0123 bits a byte, where the original in bfloat16 needs"
        " 1.0000: +1.23 %."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is not readable as UTF-8"), (b"\xff\xfe", "UTF-8"), (b"short", "at least 256")],
)
def test_a_text_that_cannot_be_scored_is_refused(
    bundled: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Before the original is loaded, which may take minutes."""
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=message):
        packing_cost(bundled, bundled, path)
