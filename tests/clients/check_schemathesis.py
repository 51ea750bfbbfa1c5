"""schemathesis: requests of every kind that the OpenAPI document allows, and many that it does not;
none may be answered by a server error or by what the document does not tell, and every main route
must have answered well at least once, or nothing behind it was tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
ANSWERED = Path("answered.txt")

MAIN = {
    "POST /chat/completions": "max_tokens",
    "POST /completions": "max_tokens",
    "POST /responses": "max_output_tokens",
    "POST /messages": "max_tokens",
    "POST /messages/count_tokens": None,
    "POST /embeddings": None,
    "POST /conversations/{conversation_id}/turns": "settings.max_tokens",
}
"""The routes that must reach the model, and the field that bounds their answers."""

OTHERS = (
    "POST /conversations",
    "GET /conversations/{conversation_id}",
    "GET /models/{model}",
    "GET /files/{file_id}/content",
    "GET /datasets/{name}/rows",
    "POST /fine_tuning/jobs",
    "GET /fine_tuning/jobs/{job_id}/checkpoints",
    "GET /library/exports/{name}",
)
"""More routes that must answer well."""

CONFIG = """\
[dictionaries]
models = {{ values = [{model}] }}
few = {{ values = [1, 2, 8] }}

[phases.stateful.generation]
max-examples = {scenarios}
"""
NAMED = """
[[operations]]
include-name = "{operation}"
[operations.parameters]
"body.model" = {{ dictionary = "models", probability = 0.9 }}
"""
BOUNDED = '"body.{field}" = {{ dictionary = "few", probability = 0.9 }}\n'


def config(model: str, scenarios: int) -> str:
    """schemathesis.toml: most requests name a model that is there, and ask for few tokens."""
    text = CONFIG.format(model=json.dumps(model), scenarios=scenarios)
    for operation, field in MAIN.items():
        text += NAMED.format(operation=operation)
        if field is not None:
            text += BOUNDED.format(field=field)
    return text


def main(url: str, model: str) -> int:
    """Exit status: 0 when all went well."""
    Path("schemathesis.toml").write_text(config(model, scenarios=40), encoding="utf-8")
    ANSWERED.write_text("", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
    command += ["--url", url, "--checks", "not_a_server_error,response_schema_conformance"]
    command += ["--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--max-examples", "10", "--seed", "1", "--request-timeout", "300"]
    # One worker: with more, two threads parse Python at once, which Python 3.11 now and then
    # fails at.
    command += ["--workers", "1", "--continue-on-failure"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)}
    status = subprocess.run(command, check=False, env=environment).returncode
    answered = Counter(ANSWERED.read_text(encoding="utf-8").splitlines())
    print(f"{len(answered)} operations were answered well; of those that must be:")
    for operation in (*MAIN, *OTHERS):
        print(f"{answered[operation]:>6}  {operation}")
    silent = [operation for operation in (*MAIN, *OTHERS) if not answered[operation]]
    if silent:
        print(f"error: never answered well, so never tried: {', '.join(silent)}")
    return status or int(bool(silent))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
