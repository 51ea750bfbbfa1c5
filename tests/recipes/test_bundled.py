"""The bundled model's recipe, all of it, in little."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.data.example import Example
from miniclaude.messages import text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.loop import Wish
from recipes.bundled.prepare import LEAST_CHARACTERS, characters_needed, enough
from recipes.bundled.sources import load_recipe, read_source
from recipes.bundled.stage import CPU, CPU_FORWARD, Piece, forward_size, stage_config
from recipes.bundled.train import PAUSED, main

RECIPE = """
[vocabulary]
size = 300
characters = 20000
[model]
context = 512
width = 16
layers = 1
heads = 2
kv_heads = 1
mlp_width = 32
[pretrain]
tokens = 3000
minutes = 5
batch = 256
optimizer = "muon"
learning_rate = 0.004
[pretrain.weights]
stories = 1
chats = 1
[tune]
tokens = 1000
minutes = 5
batch = 256
learning_rate = 0.002
[tune.weights]
chats = 1
made = 1
[held_out]
stories = { sources = ["stories"], learn = "all" }
chats = { sources = ["chats"], learn = "replies" }
[source.stories]
files = ["stories.jsonl"]
format = "text"
held_out = 30
licence = "CC0"
credit = "nobody"
[source.chats]
files = ["./chats.jsonl"]
format = "turns"
held_out = 30
longest_reply = 40
refuse = "forbidden"
licence = "CC0"
credit = "nobody"
[source.asked]
files = ["stories.jsonl"]
format = "text"
held_out = 30
ask = ["Tell me {title}."]
first_characters = 30
licence = "CC0"
credit = "nobody"
[source.made]
generator = "words"
rows = 80
held_out = 30
licence = "CC0"
credit = "nobody"
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A recipe, its chats beside it, and a data folder of stories."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "stories.jsonl").open("w") as file:
        for n in range(60):
            text = f"The cat number {n} sat. It saw {n + 1} birds and {n % 7} fish in the sun."
            file.write(json.dumps({"title": f"Cat {n}", "text": text}) + "\n")
    with (tmp_path / "chats.jsonl").open("w") as file:
        for n in range(60):
            turns = [
                {"speaker": "user", "text": f"What is {n}?"},
                {"speaker": "bot", "text": f"{n} is a number."},
            ]
            file.write(json.dumps({"turns": turns}) + "\n")
        for text in ("forbidden", "long " * 20):
            turns = [{"speaker": "user", "text": "Hm?"}, {"speaker": "bot", "text": text}]
            file.write(json.dumps({"turns": turns}) + "\n")
    return tmp_path


def run(workshop: Path, *options: str) -> int:
    return main(
        [
            str(workshop / "data"),
            *("--recipe", str(workshop / "recipe.toml"), "--run", str(workshop / "run")),
            *("--card", str(workshop / "card.md"), *options),
        ]
    )


def test_from_text_to_a_model_folder_that_answers(workshop: Path) -> None:
    (workshop / "card.md").write_text("# Card\n")
    assert run(workshop) == 0
    folder = workshop / "run" / "model"
    tokenizer = load_tokenizer(folder)
    model = load_model(folder, device=torch.device("cpu"), dtype=torch.float32)
    ids = encode_chat(tokenizer, [text_message("user", "What is 3?")])
    assert model(torch.tensor([ids])).shape == (1, len(ids), tokenizer.vocab_size)
    assert {tokenizer.token_text(token) for token in tokenizer.eos_ids} == {
        "<|im_end|>",
        "<|endoftext|>",
    }
    assert (folder / "README.md").read_text() == "# Card\n"
    summary = json.loads((workshop / "run" / "tune.json").read_text())
    assert summary["steps"] > 1
    assert set(summary["held_out_bits_per_byte"]) == {"stories", "chats"}

    first = (folder / "model.safetensors").read_bytes()
    assert run(workshop) == 0
    assert (folder / "model.safetensors").read_bytes() == first, "finished stages are not redone"


def test_a_run_may_go_on_from_a_model_folder(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hours of a first sitting are not thrown away: the next begins with what it made."""
    assert run(workshop) == 0
    (workshop / "run").rename(workshop / "first")
    start = workshop / "first" / "model"
    assert run(workshop, "--start", str(start)) == 0
    assert f"those of {start}" in capsys.readouterr().err
    tokenizer = (workshop / "run" / "model" / "tokenizer.json").read_bytes()
    assert tokenizer == (start / "tokenizer.json").read_bytes()
    assert not (workshop / "run" / "pretrain.json").exists()
    before, after = (
        json.loads((workshop / folder / "tune.json").read_text())["held_out_bits_per_byte"]
        for folder in ("first", "run")
    )
    assert after["chats"] < before["chats"]

    shutil.rmtree(workshop / "run")
    wider = RECIPE.replace("mlp_width = 32\n", "mlp_width = 48\n")
    (workshop / "recipe.toml").write_text(wider)
    assert run(workshop, "--start", str(start)) == 1
    assert "does not have the shape of" in capsys.readouterr().err
    assert run(workshop, "--start", str(workshop / "nothing")) == 1
    assert "nothing has no tokenizer.json" in capsys.readouterr().err


def test_pieces_come_to_the_same_as_one_run(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Machines are lent for minutes: what comes of pieces must not be another model."""
    assert run(workshop) == 0
    whole = (workshop / "run" / "model" / "model.safetensors").read_bytes()
    (workshop / "run").rename(workshop / "whole")

    class FourSteps(Piece):
        left = 4

        def wish(self) -> Wish:
            self.left -= 1
            return "go" if self.left >= 0 else "pause"

    monkeypatch.setattr("recipes.bundled.train.Piece", FourSteps)
    pieces = 1
    while (status := run(workshop, "--minutes", "10")) == PAUSED:
        pieces += 1
    assert status == 0
    assert pieces > 2
    assert "The same command goes on." in capsys.readouterr().err
    assert (workshop / "run" / "model" / "model.safetensors").read_bytes() == whole


def test_what_is_held_out_as_a_text_is_held_out_as_an_answer(workshop: Path) -> None:
    """Else the tuning stage would train on the stories that the card calls unseen."""
    recipe = load_recipe(workshop / "recipe.toml")
    chats = list(read_source(recipe.sources["chats"], workshop / "data", workshop))
    assert len(chats) == 60, "refused and over-long documents are passed over"
    stories = dict(read_source(recipe.sources["stories"], workshop / "data", workshop))
    assert 5 < sum(stories.values()) < 35
    source = recipe.sources["asked"]
    whole = type(source)(**{**vars(source), "first_characters": 0})
    asked = list(read_source(whole, workshop / "data", workshop))
    assert len(asked) == 60
    for document, held_out in asked:
        assert isinstance(document, Example)
        assert stories[document.messages[1].text] == held_out
    [(document, _), *_] = read_source(source, workshop / "data", workshop)
    assert isinstance(document, Example)
    said = [message.text for message in document.messages]
    assert said == ["Tell me Cat 0.", "The cat number 0 sat."]


def test_a_bad_row_is_reported_with_file_and_line(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (workshop / "data" / "stories.jsonl").open("a") as file:
        file.write('{"title": "no text"}\n')
    assert run(workshop) == 1
    assert "stories.jsonl, line 61: text is missing" in capsys.readouterr().err


def test_what_evaluation_asks_is_left_out_and_counted(workshop: Path) -> None:
    """Else a score would say how well the model learnt its test by heart."""
    recipe = load_recipe(workshop / "recipe.toml")
    stories = dict(read_source(recipe.sources["stories"], workshop / "data", workshop))
    known = next(str(text) for text, held_out in stories.items() if not held_out)
    rows = ({"text": known}, {"question": "Is there any such thing?"})
    probes = workshop / "probes.jsonl"
    probes.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert run(workshop, "--against", str(probes)) == 0
    lines = (workshop / "run" / "decontamination.jsonl").read_text(encoding="utf-8").splitlines()
    counts = {row["source"]: row for row in map(json.loads, lines)}
    assert counts["stories"]["dropped"] == 1
    assert counts["stories"]["read"] == sum(not held_out for held_out in stories.values())
    assert counts["chats"]["dropped"] == 0
    assert run(workshop, "--against", str(workshop / "nowhere")) == 1


def test_a_broken_recipe_is_named(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workshop / "recipe.toml").write_text(RECIPE.replace("longest_reply", "longest_replly"))
    assert run(workshop) == 1
    assert "recipe.toml is not a recipe" in capsys.readouterr().err


def test_the_recipe_that_ships_can_be_read() -> None:
    recipe = load_recipe(Path(__file__).parents[2] / "recipes" / "bundled" / "recipe.toml")
    for stage in (recipe.pretrain, recipe.tune):
        assert set(stage.weights) <= set(recipe.sources)
        assert sum(stage.weights.values()) == pytest.approx(1)
    for held_out in recipe.held_out.values():
        assert all(recipe.sources[name].held_out for name in held_out.sources)


def test_the_recipe_for_a_cpu_changes_only_what_it_names(tmp_path: Path) -> None:
    """A table laid over another must not lose the fields it does not name, nor a checkpoint lie
    hours away: a run on a CPU is stopped and goes on."""
    folder = Path(__file__).parents[2] / "recipes" / "bundled"
    whole, little = load_recipe(folder / "recipe.toml"), load_recipe(folder / "cpu.toml")
    assert little.pretrain.weights == whole.pretrain.weights
    assert little.vocabulary == whole.vocabulary
    assert (little.model.layers, little.model.width) == (whole.model.layers, 192)
    assert little.sources["generated"].generator == "all"
    assert little.sources["generated"].rows < whole.sources["generated"].rows
    (tmp_path / "mine.toml").write_text(f'base = "{folder / "cpu.toml"}"\n[model]\nlayers = 2\n')
    assert load_recipe(tmp_path / "mine.toml").model == replace(little.model, layers=2)
    for recipe, size in ((whole, CPU_FORWARD), (little, little.pretrain.batch)):
        stage = recipe.pretrain
        assert forward_size(stage, CPU) == size
        forwards = stage.tokens // size
        config = stage_config(stage, forwards, 1.0)
        assert config.steps * config.accumulate == pytest.approx(forwards, rel=1e-3)
        assert config.accumulate * size == stage.batch
        assert config.checkpoint_every * stage.batch <= 1_000_000
    gpu = torch.device("cuda")
    assert forward_size(whole.pretrain, gpu) == whole.pretrain.batch


def test_a_run_in_little_reads_no_more_than_it_needs() -> None:
    """Reading all of the books for a check of one percent takes longer than the check."""
    folder = Path(__file__).parents[2] / "recipes" / "bundled"
    recipe = load_recipe(folder / "cpu.toml")
    assert characters_needed(recipe, "chatterbot", 0.01) == LEAST_CHARACTERS
    books = characters_needed(recipe, "books", 0.1)
    assert books > recipe.pretrain.tokens * 0.1 * recipe.pretrain.weights["books"] * 4
    documents = [("x" * 40, False), ("y" * 40, True), ("z" * 40, False)]
    assert list(enough(documents, 50)) == documents[:2]
    assert list(enough(documents, 500)) == documents


def test_a_recipe_may_ask_for_experts(workshop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a sweep compares them with a dense model of the same active size."""
    path = workshop / "recipe.toml"
    experts = (
        "mlp_width = 16\nexperts = 4\nexperts_per_token = 2\nexpert_width = 16\nnorm_topk = true\n"
    )
    balanced = "[pretrain]\nbalance = 0.02\n"
    text = RECIPE.replace("mlp_width = 32\n", experts).replace("[pretrain]\n", balanced)
    path.write_text(text)
    (workshop / "card.md").write_text("# Card\n")
    recipe = load_recipe(path)
    assert recipe.model_config(300).idle_parameters == 2 * 3 * 16 * 16
    assert stage_config(recipe.pretrain, 10, 1.0).balance == 0.02
    assert run(workshop) == 0
    told = capsys.readouterr().err
    total = sum(parameter.numel() for parameter in load_model(workshop / "run/model").parameters())
    assert f"A model of {total:,} parameters, of which {total - 1536:,} compute a token" in told
    config = json.loads((workshop / "run/model/config.json").read_text())
    assert config["model_type"] == "mixtral"
