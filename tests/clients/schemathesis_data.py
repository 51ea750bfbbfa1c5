"""What a person would have made before schemathesis comes: without files, a dataset, a conversation
and a tuned model, most routes could only say that there is nothing by that name."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2

SPARE = 24
"""Of each thing that can be deleted, as many that may be, so that the first of its kind stays."""

PATIENCE_S = 300
ROWS = "".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"How long is the river at milestone {number * 7}?"},
                {"role": "assistant", "content": f"There it is {number * 13} miles long."},
            ]
        }
    )
    + "\n"
    for number in range(1, 41)
)


def write_data(folder: Path, url: str, model: str) -> None:
    """Make it all on the server and write `data.json`: of each kind what is there, and under
    `spare_KIND` what may be deleted."""
    with httpx2.Client(base_url=url, timeout=60) as client:
        made = Maker(client, model).everything()
    (folder / "data.json").write_text(json.dumps(made), encoding="utf-8")


class Maker:
    """Makes what is asked for, and waits until it is there."""

    def __init__(self, client: httpx2.Client, model: str) -> None:
        self._client = client
        self._model = model

    def everything(self) -> dict[str, list[Any]]:
        """Of each kind what is there."""
        files = self._many(self._file)
        presets = self._many(self._preset)
        providers = self._many(self._provider)
        conversations = self._many(self._conversation)
        turn = self._turn(conversations[0])
        prepared = [self._dataset(name, files[0]) for name in ("rivers", "streams")]
        exports = [self._task(kind="export", model=self._model, to=to) for to in ("q8_0", "q4_0")]
        copy = self._task(kind="quantize", model=self._model, to="int8")
        jobs = [self._job(files[0]) for _ in range(2)]
        return {
            "models": [self._model],
            "copies": [copy["result"]],
            "tuned": [jobs[1]["fine_tuned_model"]],
            "files": files[:1],
            "sources": [files[:1]],
            "spare_files": files[1:],
            "presets": presets,
            "providers": providers[:1],
            "spare_providers": providers[1:],
            "conversations": conversations[:1],
            "spare_conversations": conversations[1:],
            "turns": [turn["turn_id"]],
            "messages": [turn["assistant_message_id"]],
            "datasets": ["rivers"],
            "spare_datasets": ["streams"],
            "preparations": [made["id"] for made in prepared],
            "jobs": [job["id"] for job in jobs],
            "tasks": [copy["id"], *(export["id"] for export in exports)],
            "exports": [exports[0]["result"]],
            "spare_exports": [exports[1]["result"]],
            "numbers": [1, 2, 3],
        }

    def _many(self, make: Any) -> list[str]:
        return [make(number) for number in range(SPARE + 1)]

    def _file(self, number: int) -> str:
        sent = {"file": (f"rivers-{number}.jsonl", ROWS.encode())}
        answer = self._client.post("/files", data={"purpose": "fine-tune"}, files=sent)
        return str(answer.raise_for_status().json()["id"])

    def _preset(self, number: int) -> str:
        made = self._call("POST", "/presets", name=f"calm {number}", settings={"temperature": 0})
        return str(made["id"])

    def _provider(self, number: int) -> str:
        # Nothing listens on the port of "discard": a provider that is down, at once.
        address = "http://127.0.0.1:9/v1"
        name = f"down{number}"
        self._call("PUT", f"/providers/{name}", kind="openai", base_url=address, api_key="none")
        return name

    def _conversation(self, number: int) -> str:
        return str(self._call("POST", "/conversations")["id"])

    def _dataset(self, name: str, file: str) -> dict[str, Any]:
        made = self._call("POST", "/datasets", name=name, sources=[file])
        return self._wait(f"/preparations/{made['id']}", "finished")

    def _task(self, **asked: str) -> dict[str, Any]:
        task = self._call("POST", "/library/tasks", **asked)
        return self._wait(f"/library/tasks/{task['id']}", "succeeded")

    def _job(self, file: str) -> dict[str, Any]:
        few = {"n_epochs": 1, "batch_size": 16}
        made = self._call("POST", "/fine-tune", data=file, model=self._model, hyperparameters=few)
        return self._wait(f"/fine_tuning/jobs/{made['id']}", "succeeded")

    def _turn(self, conversation: str) -> dict[str, Any]:
        """One that has ended, with its answer rated."""
        path = f"/conversations/{conversation}"
        turn = self._call(
            "POST", f"{path}/turns", content="Hi", model=self._model, settings={"max_tokens": 8}
        )
        with self._client.stream("GET", f"{path}/turns/{turn['turn_id']}/events") as events:
            for _ in events.iter_lines():
                pass
        self._call("PUT", f"{path}/messages/{turn['assistant_message_id']}/rating", thumb="up")
        return turn

    def _wait(self, path: str, status: str) -> dict[str, Any]:
        for _ in range(PATIENCE_S * 2):
            found = self._call("GET", path)
            if found["status"] == status:
                return found
            if found["status"] in ("failed", "cancelled"):
                break
            time.sleep(0.5)
        raise SystemExit(f"{path} is {found['status']!r} and not {status!r}: {found}")

    def _call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body if method != "GET" else None)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found
