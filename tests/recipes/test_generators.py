"""Generated rows: the same for a seed, varied, valid, and rendered as the product renders them."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.data.formats import read_example
from miniclaude.data.pipeline import prepare
from miniclaude.errors import DatasetError
from miniclaude.model.library import bundled_models
from miniclaude.tokenizer.chat_formats import store_template
from miniclaude.tokenizer.chat_template import encode_chat, encode_training_example
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from recipes.bundled.generators.__main__ import main
from recipes.bundled.generators.table import GENERATORS, generate
from recipes.bundled.prepare import encode_conversation, joined
from recipes.bundled.sources import Source, load_recipe, read_source

CONTEXT = 512
ALIKE = {
    "calendar": 0.14,
    "countries": 0.06,
    "formats": 0.12,
    "identity": 0.12,
    "spelling": 0.04,
    "today": 0.05,
    "tools": 0.08,
    "units": 0.03,
    "words": 0.04,
    "world": 0.14,
}
"""At most this share of the first 2,000 rows is like one before; of the others 2 percent. A small
model should see a question about the days of a week more than once, but not the same tale."""


def said(row: dict[str, object]) -> list[dict[str, Any]]:
    messages = row["messages"]
    assert isinstance(messages, list)
    return messages


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """The bundled model's vocabulary with the recipe's template."""
    bundled = bundled_models()
    assert bundled is not None
    [path] = bundled.rglob("tokenizer.json")
    folder = tmp_path_factory.mktemp("tokenizer")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(path.parent / name, folder)
    store_template(folder, "chatml-tools")
    return load_tokenizer(folder)


@pytest.mark.parametrize("name", [*GENERATORS, "all"])
def test_a_seed_gives_the_same_rows_and_another_gives_others(name: str) -> None:
    """A generator that drew from global state would make every training run another one."""
    first, again, other = (list(generate(name, 60, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert list(generate(name, 30, 1)) == first[:30]


@pytest.mark.parametrize("name", GENERATORS)
def test_rows_are_valid_tidy_and_varied(name: str) -> None:
    """A forgotten `{name}` or a missing word would be learnt by heart."""
    seen: Counter[str] = Counter()
    for number, row in enumerate(generate(name, 2000, 3)):
        example = read_example(dict(row), Place(name, number + 1), "openai")
        assert example.kind
        for message in example.messages:
            text = message.text
            assert text == text.strip()
            assert text or message.tool_calls, row
            assert "  " not in text, row
            assert not re.search(
                r"\{[A-Za-z]\w*\}|[,?!]\.|\.\.(?!\.)(?<!\.\.\.)|None\b(?!\.)", text
            ), row
        seen[json.dumps(row["messages"])] += 1
    repeated = sum(count - 1 for count in seen.values())
    assert repeated <= ALIKE.get(name, 0.02) * 2000


def test_rows_with_tools_are_taught_as_they_are_served(tokenizer: Tokenizer) -> None:
    """What stands before an answer must be the prompt that serving makes, id for id."""
    calls = 0
    for name in ("calculator", "today", "tools"):
        for row in generate(name, 60, 5):
            example = read_example(dict(row), Place(name, 1), "openai")
            documents = encode_conversation(example, tokenizer, CONTEXT)
            if not documents:
                continue
            taught = documents["replies"]
            learnt = [id_ for id_, learn in zip(taught.ids, taught.learn, strict=True) if learn]
            text = tokenizer.decode(learnt)
            for n, message in enumerate(example.messages):
                if message.role != "assistant":
                    continue
                prompt = encode_chat(tokenizer, example.messages[:n], example.tools)
                assert list(taught.ids[: len(prompt)]) == prompt
                assert message.text in text
                for call in message.tool_calls:
                    calls += 1
                    arguments = json.dumps(json.loads(call.arguments), ensure_ascii=False)
                    written = f'{{"name": "{call.name}", "arguments": {arguments}}}'
                    assert f"<tool_call>{written}</tool_call>" in text
            assert "Tools: " in tokenizer.decode(list(taught.ids))


def test_nearly_every_row_fits_the_context_whole(tokenizer: Tokenizer) -> None:
    """A row that is cut loses its answer."""
    cut = 0
    for row in generate("all", 1500, 4):
        example = read_example(dict(row), Place("all", 1), "openai")
        ids = encode_training_example(tokenizer, example.messages, example.tools).ids
        cut += len(ids) > CONTEXT
    assert cut <= 15


def test_the_data_pipeline_takes_them(tmp_path: Path) -> None:
    """What cleaning turns away is short talk that repeats other rows, or repeats on request."""
    path = tmp_path / "rows.jsonl"
    assert main(["--rows", "1500", "--seed", "2", "--to", str(path)]) == 0
    dataset = prepare([path], tmp_path / "made", processes=1)
    lines = (dataset.folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    reasons = Counter(json.loads(line)["error"] for line in lines)
    assert set(reasons) <= {"duplicate_row", "echoing_answer", "repetitive_answer"}
    assert sum(reasons.values()) < 300


def test_the_command_line_writes_the_rows_and_counts_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for file in files:
        assert main(["--rows", "50", "--seed", "9", "--to", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(files[0].read_text(encoding="utf-8").splitlines()) == 50
    assert main(["--rows", "5", "--only", "identity", "--to", str(files[0])]) == 0
    assert "identity                       5" in capsys.readouterr().out
    assert main(["--rows", "5", "--to", str(tmp_path / "no" / "folder.jsonl")]) == 1
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_an_unknown_generator_is_named_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--only", "sonnets", "--to", str(tmp_path / "x.jsonl")]) == 1
    message = capsys.readouterr().err
    assert "There is no generator 'sonnets'." in message
    assert "Use `all` or one of calculator, today" in message


def made(**values: Any) -> Source:
    return Source("made", licence="CC0", credit="nobody", **values)


def test_a_recipe_names_a_generator_instead_of_files(tmp_path: Path) -> None:
    source = made(generator="calculator", rows=200, seed=3, held_out=10)
    documents = list(read_source(source, tmp_path, tmp_path))
    assert 190 <= len(documents) <= 200
    assert 5 < sum(held_out for _, held_out in documents) < 40
    assert documents == list(read_source(source, tmp_path, tmp_path))
    assert len(list(read_source(source, tmp_path, tmp_path, 0.1))) == 20
    for document, _ in documents:
        assert isinstance(document, Example)
        assert "calculator" in [tool.name for tool in document.tools]
        assert document.messages[-1].role == "assistant"
    with pytest.raises(DatasetError, match="There is no generator 'poems'"):
        list(read_source(made(generator="poems", rows=3), tmp_path, tmp_path))


def test_conversations_with_a_system_message_are_not_joined_behind_others(tmp_path: Path) -> None:
    """The tools would stand in the middle of a conversation, where serving never puts them."""
    documents = [
        *read_source(made(generator="calculator", rows=20), tmp_path, tmp_path),
        *read_source(made(generator="words", rows=20), tmp_path, tmp_path),
    ]
    for document, _ in joined(documents, 4, 2):
        assert isinstance(document, Example)
        assert not document.tools or len(document.messages) <= 8


@pytest.mark.parametrize(
    "fields", ["", 'generator = "all"', 'files = ["x"]\nrows = 3\ngenerator = "all"', "rows = 3"]
)
def test_a_source_without_rows_or_with_two_origins_is_refused(tmp_path: Path, fields: str) -> None:
    shipped = Path(__file__).parents[2] / "recipes" / "bundled" / "recipe.toml"
    path = tmp_path / "recipe.toml"
    extra = f'\n[source.more]\n{fields}\nlicence = "CC0"\ncredit = "nobody"\n'
    path.write_text(shipped.read_text(encoding="utf-8") + extra, encoding="utf-8")
    with pytest.raises(DatasetError, match="source 'more' needs either files, or a generator"):
        load_recipe(path)
