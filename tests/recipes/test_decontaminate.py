"""Documents that share words with evaluation are left out, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.errors import DatasetError
from miniclaude.messages import text_message
from recipes.bundled import decontaminate
from recipes.bundled.decontaminate import (
    Decontaminator,
    Evaluation,
    Piece,
    main,
    pieces_of,
    pieces_of_row,
)

QUESTION = "Anna has seven red apples and gives two of them to Ben. How many are left?"
FILLER = "word" + " other" * 30


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    folder = tmp_path / "probes"
    folder.mkdir()
    asked = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Five."}]
    write(folder / "held-out.jsonl", {"kind": "sum", "messages": asked})
    write(
        folder / "standard.jsonl",
        {"question": "What is the capital of France?", "choices": ["Paris is the city", "Rome"]},
        {"question": "Who are you?", "answer": "I am the one who never lies to you"},
        {"text": " ".join(f"w{n}" for n in range(40))},
    )
    return folder


def kept(evaluation: Evaluation, *documents: list[Piece]) -> list[int]:
    return list(Decontaminator[int](evaluation).kept(list(enumerate(documents))))


def chat(*texts: str) -> list[Piece]:
    roles = ("user", "assistant")
    messages = tuple(text_message(roles[n % 2], text) for n, text in enumerate(texts))  # type: ignore[arg-type]
    return pieces_of(Example(Place("chat", 1), messages))


def test_eight_words_of_a_message_are_enough_and_seven_are_not(probes: Path) -> None:
    evaluation = Evaluation([probes])
    words = QUESTION.split()
    eight = f"Well, {' '.join(words[2:10])} perhaps"
    seven = f"Well, {' '.join(words[2:9])} perhaps"
    assert kept(evaluation, chat("Hi", eight), chat("Hi", seven), chat("Hello", "Hi")) == [1, 2]
    assert kept(evaluation, chat(eight.upper().replace(" ", ", "))) == []


def test_a_run_does_not_reach_from_one_message_into_the_next(probes: Path) -> None:
    """Messages are laid out one after the other to be hashed at once."""
    evaluation = Evaluation([probes])
    words = QUESTION.split()
    parted = chat(f"{FILLER} {' '.join(words[:5])}", f"{' '.join(words[5:10])} {FILLER}")
    assert kept(evaluation, parted, chat(QUESTION)) == [0]


def test_long_text_goes_at_thirteen_words_only(probes: Path) -> None:
    evaluation = Evaluation([probes])
    run = [f"w{n}" for n in range(5, 18)]
    texts = [f"{FILLER} {' '.join(run[:count])} {FILLER}" for count in (12, 13)]
    assert kept(evaluation, *(pieces_of(text) for text in texts)) == [0]
    assert kept(evaluation, *(chat("Hi", text) for text in texts)) == []
    long = [f"{text} {'further ' * 200}" for text in texts]
    assert kept(evaluation, *(chat("Hi", text) for text in long)) == [0]


def test_a_short_question_counts_as_a_whole_and_a_very_short_one_never(probes: Path) -> None:
    """Without the lower bound one probe would take every "Who are you?" out of the seed."""
    evaluation = Evaluation([probes])
    same = chat("what is the capital of france", "Paris.")
    longer = chat("Now what is the capital of France?", "Paris.")
    said = chat("Tell me.", "What is the capital of France?")
    assert kept(evaluation, same, longer, said, chat("Who are you?", "Me.")) == [1, 2, 3]


def test_system_messages_and_tools_are_not_compared(tmp_path: Path) -> None:
    """Every row with the calculator has the same hundred words about it."""
    offer = "You can call functions. Each line below describes one as JSON and more words"
    row = {
        "messages": [{"role": "system", "content": offer}, {"role": "user", "content": "Hello"}],
        "tools": [{"function": {"description": offer}}],
    }
    evaluation = Evaluation([write(tmp_path / "probes.jsonl", row)])
    said = (text_message("system", offer), text_message("user", offer + " too"))
    assert kept(evaluation, pieces_of(Example(Place("chat", 1), said))) == [0]
    assert [piece.text for piece in pieces_of_row(row)] == ["Hello"]


def test_batches_give_what_one_batch_gives(probes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = Evaluation([probes])
    documents = [chat(QUESTION if n % 7 == 3 else f"{FILLER} {n}", "Hm.") for n in range(50)]
    whole = kept(evaluation, *documents)
    monkeypatch.setattr(decontaminate, "BATCH_WORDS", 40)
    monkeypatch.setattr(decontaminate, "KNOWN_WORDS", 3)
    assert kept(evaluation, *documents) == whole == [n for n in range(50) if n % 7 != 3]


def test_the_command_writes_what_stays_and_says_what_went(
    probes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"role": "assistant", "content": "Hm"}
    rows = [
        {"messages": [{"role": "user", "content": text}, answer]}
        for text in (QUESTION, "Something else.", "What is the capital of France?")
    ]
    source = write(tmp_path / "rows.jsonl", *rows)
    to = tmp_path / "clean"
    assert main([str(source), "--against", str(probes), "--to", str(to)]) == 0
    assert "2 of 3 documents left out" in capsys.readouterr().out
    lines = (to / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows[1:2]
    [summary] = json.loads((to / "decontamination.json").read_text()).values()
    assert summary == {
        "read": 3,
        "dropped": 2,
        "by_evaluation_file": {
            str(probes / "held-out.jsonl"): 1,
            str(probes / "standard.jsonl"): 1,
        },
        "examples": [QUESTION, "What is the capital of France?"],
    }


def test_what_cannot_be_done_is_said(
    probes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="empty holds no file of rows"):
        Evaluation([tmp_path / "empty"])
    files = [tmp_path / "a" / "rows.jsonl", tmp_path / "b" / "rows.jsonl"]
    for file in files:
        file.parent.mkdir()
        write(file, {"text": "x"})
    call = [*map(str, files), "--against", str(probes), "--to", str(tmp_path / "out")]
    assert main(call) == 1
    assert "Two of the files would be written as rows.jsonl." in capsys.readouterr().err
    monkeypatch.setattr(decontaminate, "MOST_RUNS", 3)
    with pytest.raises(DatasetError, match="hold over 3 runs of words"):
        Evaluation([probes])
