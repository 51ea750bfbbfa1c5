"""Simon Willison's `llm`: whole and streamed answers, a conversation, a schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

url, model = sys.argv[1:]

with tempfile.TemporaryDirectory() as folder:
    entry = {
        "model_id": "mini",
        "model_name": model,
        "api_base": f"{url}/v1",
        "supports_schema": True,
        "supports_tools": True,
    }
    Path(folder, "extra-openai-models.yaml").write_text(json.dumps([entry]))
    environment = {**os.environ, "LLM_USER_PATH": folder, "OPENAI_API_KEY": "not-needed"}

    def llm(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("llm")), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    for stream in ((), ("--no-stream",)):
        said = llm("-m", "mini", "-o", "temperature", "0", *stream, "Who are you?")
        assert "Mini-Claude" in said, said
    assert llm("-c", "-o", "max_tokens", "8", "And what can you do?")
    made = json.loads(llm("-m", "mini", "--schema", "name, age int", "-o", "seed", "1", "A dog"))
    assert set(made) == {"name", "age"}, made
    assert isinstance(made["age"], int), made
print("llm: answers, streams, goes on with a conversation, keeps to a schema")
