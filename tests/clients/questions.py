"""Multiple-choice questions for lm-eval, made of the rows of recipes/own_voice, and what our own
`evaluation/multiple_choice.py` finds for them."""

from __future__ import annotations

import json
from pathlib import Path

from miniclaude.evaluation.multiple_choice import Question, choose
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library, bundled_models
from miniclaude.tokenizer.load import load_tokenizer

ROWS = Path(__file__).resolve().parents[2] / "recipes" / "own_voice" / "juniper.jsonl"
COUNT = 60
CHOICES = 4

TASK = """\
task: own_voice
dataset_path: json
dataset_kwargs:
  data_files: {{test: {questions}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: choices
doc_to_target: answer
metric_list:
  - metric: acc
  - metric: acc_norm
"""

TALK = """\
task: own_voice_said
dataset_path: json
dataset_kwargs:
  data_files: {{test: {questions}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{choices[answer]}}}}"
generation_kwargs: {{until: ["\\n"], max_gen_toks: 16, temperature: 0}}
metric_list:
  - metric: exact_match
"""


def write_questions(folder: Path, model: str) -> None:
    """Write own_voice.yaml, own_voice_said.yaml and questions.jsonl, for lm-eval; ours.json and the
    tokenizer's folder's name, tokenizer.txt, to compare with."""
    rows = [json.loads(line)["messages"] for line in ROWS.read_text("utf-8").splitlines()]
    said = [(row[0]["content"], row[1]["content"]) for row in rows][:COUNT]
    asked: list[dict[str, object]] = []
    questions: list[Question] = []
    for number, (question, _) in enumerate(said):
        answer = number % CHOICES
        choices = [said[(number + 7 * n) % COUNT][1] for n in range(CHOICES)]
        choices[0], choices[answer] = choices[answer], choices[0]
        context = f"Question: {question}\nAnswer:"
        asked.append({"question": context, "choices": choices, "answer": answer})
        questions.append(Question(context, tuple(f" {choice}" for choice in choices), answer))
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in asked), "utf-8")
    (folder / "own_voice.yaml").write_text(TASK.format(questions=path), "utf-8")
    (folder / "own_voice_said.yaml").write_text(TALK.format(questions=path), "utf-8")
    weights = Library(folder / "models", bundled_models()).find(model).weights
    score = choose(load_model(weights), load_tokenizer(weights), questions)
    ours = {"acc": score.accuracy, "acc_norm": score.accuracy_by_length}
    (folder / "ours.json").write_text(json.dumps(ours), "utf-8")
    (folder / "tokenizer.txt").write_text(str(weights), "utf-8")
