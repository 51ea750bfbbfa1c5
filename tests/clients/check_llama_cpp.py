"""llama.cpp, through llama-cpp-python: loads our GGUF files, tokenises as we do, and continues with
the same greedy text. Of files in 8 and 4 bits we compute with the numbers that they were rounded
to; llama.cpp rounds what it multiplies them with too, so there a near tie may end otherwise.

gguf.json, written by `gguf_files.py`, has the files and what we make of the same models.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import gguf  # type: ignore[import-not-found]  # of this client's environment
import llama_cpp  # type: ignore[import-not-found]
import numpy as np

url, served = sys.argv[1:]

FLOAT32 = 0  # ggml's number for it


def main() -> None:
    expected = json.loads(Path("gguf.json").read_text("utf-8"))
    print(f"{'model':<16} {'type':<5} {'greedy':>7} {'scores ±':>9} {'nats':>9}")
    for entry in expected:
        compare(entry)
    quantised_alike([entry for entry in expected if entry["served"]])
    [entry] = [entry for entry in expected if entry["served"] and entry["kind"] == "f16"]
    said = entry["answer_text"].removesuffix("<|im_end|>")
    assert completed(entry) == said, "the server and llama.cpp differ"
    print("llama.cpp: loads, tokenises alike, continues alike")


def compare(entry: dict[str, Any]) -> None:
    """Ids of every text; tokens and scores along our greedy text."""
    name, kind = entry["name"], entry["kind"]
    model = llama_cpp.Llama(
        entry["file"],
        n_ctx=256,
        n_threads=2,
        logits_all=True,
        verbose=False,
        type_k=FLOAT32,
        type_v=FLOAT32,
    )
    for text, ids in entry["texts"]:
        found = model.tokenize(text.encode(), add_bos=False, special=False)
        assert found == ids, (name, text, ids, found)
    prompt = entry["prompt_text"].encode()
    found = model.tokenize(prompt, add_bos=bool(entry["begin"]), special=entry["special"])
    assert found == entry["prompt"], (name, found, entry["prompt"])

    ours, answer = np.load(entry["scores"]), entry["answer"]
    model.eval([*entry["prompt"], *answer[:-1]])
    theirs = model.scores[len(entry["prompt"]) - 1 : model.n_tokens]  # [answer, vocab]
    agreed = theirs.argmax(-1) == np.array(answer)
    alike = len(answer) if agreed.all() else int(agreed.argmin())
    off = float(np.sqrt(np.square(theirs - ours).mean()) / ours.std())
    p, q = log_softmax(ours), log_softmax(theirs)
    nats = float((np.exp(p) * (p - q)).sum(-1).mean())
    print(f"{name[:16]:<16} {kind:<5} {alike:>3}/{len(answer):<3} {off:>9.1e} {nats:>9.1e}")
    if kind == "f32" or (kind == "f16" and entry["same"]):
        assert alike == len(answer), (name, kind, alike)
        said = model.detokenize(answer, prev_tokens=entry["prompt"], special=True)
        assert said.decode("utf-8", "replace") == entry["answer_text"], (said, entry["answer_text"])
    assert nats < {"f32": 1e-7}.get(kind, 0.001), (name, kind, nats)
    model.close()


def log_softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[…, vocab] scores → log probabilities."""
    scores = scores.astype(np.float64)
    scores = scores - scores.max(-1, keepdims=True)
    logs: np.ndarray[Any, Any] = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    return logs


def quantised_alike(entries: list[dict[str, Any]]) -> None:
    """Our blocks are, byte for byte, those of the package `gguf` for the same numbers."""
    files = {entry["kind"]: gguf.GGUFReader(entry["file"]) for entry in entries}
    plain = {tensor.name: tensor for tensor in files["f32"].tensors}
    for kind in ("q8_0", "q4_0", "f16"):
        for tensor in files[kind].tensors:
            numbers = np.array(plain[tensor.name].data)
            assert np.array_equal(gguf.quants.quantize(numbers, tensor.tensor_type), tensor.data), (
                kind,
                tensor.name,
            )


def completed(entry: dict[str, Any]) -> str:
    """What the server makes of the same prompt."""
    body: dict[str, Any] = {"model": served, "temperature": 0, "max_tokens": len(entry["answer"])}
    body["repetition_penalty"] = 1  # the model's makers would have 1.05
    body["messages"] = [{"role": "user", "content": "Who are you?"}]
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return str(json.load(answer)["choices"][0]["message"]["content"])


main()
