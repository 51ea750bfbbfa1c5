"""Unmodified clients against a live server, each in a virtual environment of its own, for their
dependencies conflict.

    python -m tests.clients.run [--only NAME] [--environments FOLDER]

Starts `mini-claude serve` with the bundled model and a home of its own, installs each client of
`CLIENTS` by name and version, and runs `check_NAME.py` with the server's URL and the model's name.
The last line is JSON: of each client, whether all went well.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.gguf_files import write_gguf_files
from tests.clients.questions import write_questions
from tests.clients.schemathesis_data import write_data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

CLIENTS = {
    "llm": ["llm==0.36"],
    "langchain": ["langchain-openai==1.7.4"],
    "lm_eval": ["lm-eval[api]==0.4.13", "transformers==5.23.0"],
    "schemathesis": ["schemathesis==4.32.5"],
    "llama_cpp": ["llama-cpp-python==0.3.36", "gguf==0.19.0"],  # the first builds for ten minutes
}
READY_S = 120


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=sorted(CLIENTS), action="append")
    parser.add_argument("--environments", type=Path, default=ROOT / ".clients")
    options = parser.parse_args()
    results: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as (url, model):
        for name in options.only or CLIENTS:
            python = environment(name, options.environments)
            print(f"== {name}: {', '.join(CLIENTS[name])}", flush=True)
            command = [str(python), str(HERE / f"check_{name}.py"), url, model]
            if name == "lm_eval":
                write_questions(Path(home), model)
            if name == "llama_cpp":
                write_gguf_files(Path(home))
            if name == "schemathesis":
                write_data(Path(home), url, model)
            results[name] = subprocess.run(command, check=False, cwd=home).returncode == 0
    print(json.dumps(results))
    return 0 if all(results.values()) else 1


def environment(name: str, folder: Path) -> Path:
    """The Python of the client's environment, which is made where it is missing."""
    python = folder / name / "bin" / "python"
    mark = folder / name / "installed.json"
    wanted = json.dumps(CLIENTS[name])
    if not mark.is_file() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *CLIENTS[name]], check=True)
        mark.write_text(wanted)
    return python


@contextmanager
def served(home: Path) -> Iterator[tuple[str, str]]:
    """A server with the bundled model; its URL and the model's name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("mini-claude")), "serve"]
    command += ["--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
    try:
        for _ in range(READY_S * 10):
            if server.poll() is not None:
                raise SystemExit("The server did not start.")
            try:
                with urllib.request.urlopen(f"{url}/ready", timeout=5):  # noqa: S310  # our own
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        with urllib.request.urlopen(f"{url}/v1/models", timeout=30) as answer:  # noqa: S310
            model = json.load(answer)["data"][0]["id"]
        yield url, model
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    sys.exit(main())
