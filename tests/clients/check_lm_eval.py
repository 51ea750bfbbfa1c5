"""lm-eval, over `local-completions`: the same score as our own multiple choice; and over
`local-chat-completions`: it gets an answer to every question."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

url, model = sys.argv[1:]

LM_EVAL = [str(Path(sys.executable).with_name("lm_eval")), "run", "--include_path", "."]


def found(model_type: str, arguments: str, task: str, *more: str) -> dict[str, float]:
    """What it says of one task."""
    command = [*LM_EVAL, "--model", model_type, "--model_args", arguments, "--tasks", task, *more]
    subprocess.run([*command, "--output_path", task], check=True)
    [results] = Path(task).rglob("results*.json")
    return dict(json.loads(results.read_text())["results"][task])


tokenizer = Path("tokenizer.txt").read_text()
arguments = f"model={model},base_url={url}/v1/completions,tokenizer={tokenizer},num_concurrent=2"
chosen = found("local-completions", arguments, "own_voice", "--batch_size", "4")
ours = json.loads(Path("ours.json").read_text())
theirs = {name: chosen[f"{name},none"] for name in ours}
assert all(abs(theirs[name] - ours[name]) < 1e-6 for name in ours), (theirs, ours)
print(f"lm-eval: {theirs}, as our own multiple choice")

arguments = f"model={model},base_url={url}/v1/chat/completions,num_concurrent=2"
said = found("local-chat-completions", arguments, "own_voice_said", "--apply_chat_template")
assert 0 <= said["exact_match,none"] <= 1, said
print(f"lm-eval, chat: {said}")
