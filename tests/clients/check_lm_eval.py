"""lm-eval, over `local-completions`: the same score as our own multiple choice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

url, model = sys.argv[1:]

tokenizer = Path("tokenizer.txt").read_text()
arguments = f"model={model},base_url={url}/v1/completions,tokenizer={tokenizer},num_concurrent=2"
command = [str(Path(sys.executable).with_name("lm_eval")), "run", "--model", "local-completions"]
command += ["--model_args", arguments, "--tasks", "own_voice", "--include_path", "."]
command += ["--batch_size", "4", "--output_path", "results"]
subprocess.run(command, check=True)
[results] = Path("results").rglob("results*.json")
found = json.loads(results.read_text())["results"]["own_voice"]
ours = json.loads(Path("ours.json").read_text())
theirs = {name: found[f"{name},none"] for name in ours}
assert all(abs(theirs[name] - ours[name]) < 1e-6 for name in ours), (theirs, ours)
print(f"lm-eval: {theirs}, as our own multiple choice")
