"""A model folder in a peer's own format, with the very same weights. Runs in that peer's Python.

    PYTHON benchmarks/convert_weights.py llama.cpp-q8|llama.cpp-q4|ctranslate2-int8|openvino-int8|
        openvino-int4 FOLDER INTO

FOLDER holds config.json and safetensors, as `random_checkpoint.py` writes them. INTO becomes a file
for llama.cpp and a folder for the others. Each peer quantises by its own tool, in the way it calls
standard: llama.cpp's Q8_0 and Q4_0 (the head in more bits than the rest), CTranslate2's int8,
OpenVINO's int8 and its int4 in groups of 64 (embedding and head in int8).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from peer_weights import Weights, gguf_tensors

LLAMA_CPP_TYPES = {"llama.cpp-q8": 7, "llama.cpp-q4": 2}  # LLAMA_FTYPE_MOSTLY_Q8_0, …_Q4_0
OPENVINO_OPTIONS = {
    "openvino-int8": ["--weight-format", "int8"],
    "openvino-int4": ["--weight-format", "int4", "--group-size", "64", "--ratio", "1.0"],
}


def to_gguf(folder: Path, into: Path) -> None:
    """Write a GGUF file of float16 matrices and float32 vectors; tokens are named by number."""
    import gguf  # type: ignore[import-not-found]

    config = json.loads((folder / "config.json").read_text())
    gpt2 = config["model_type"] == "gpt2"
    width = config["n_embd" if gpt2 else "hidden_size"]
    heads = config["n_head" if gpt2 else "num_attention_heads"]
    writer = gguf.GGUFWriter(str(into), "gpt2" if gpt2 else "llama")
    writer.add_name("random weights")
    writer.add_embedding_length(width)
    writer.add_head_count(heads)
    writer.add_block_count(config["n_layer" if gpt2 else "num_hidden_layers"])
    writer.add_context_length(config["n_positions" if gpt2 else "max_position_embeddings"])
    writer.add_vocab_size(config["vocab_size"])
    if gpt2:
        writer.add_feed_forward_length(4 * width)
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_dimension_count(width // heads)
        writer.add_rope_freq_base(config["rope_theta"])
    add_numerals(writer, config["vocab_size"])
    for name, tensor in gguf_tensors(Weights(folder), config):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_numerals(writer: Any, vocab_size: int) -> None:
    """A vocabulary that will not be used: llama.cpp wants one. The first 259 tokens are those of
    SentencePiece (unknown, control, control, 256 bytes), the others are words."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3, *[6] * 256]
    words = range(len(tokens), vocab_size)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*tokens, *(f"t{number}" for number in words)])
    writer.add_token_scores([0.0] * vocab_size)
    writer.add_token_types([*kinds, *[1] * len(words)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def to_llama_cpp(side: str, folder: Path, into: Path) -> None:
    """GGUF in floats beside it, then llama.cpp's own quantiser."""
    import llama_cpp  # type: ignore[import-not-found]

    floats = into.with_name("llama.cpp-floats.gguf")
    if not floats.exists():
        partial = floats.with_suffix(".part")
        to_gguf(folder, partial)
        partial.rename(floats)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = LLAMA_CPP_TYPES[side]
    params.nthread = 2
    partial = into.with_name(f"{into.name}.part")
    code = llama_cpp.llama_model_quantize(str(floats).encode(), str(partial).encode(), params)
    if code != 0:
        raise SystemExit(f"llama.cpp could not quantise {floats}: code {code}")
    partial.rename(into)


def to_ctranslate2(folder: Path, into: Path) -> None:
    """CTranslate2's converter of `transformers` models, in int8."""
    from ctranslate2.converters import TransformersConverter  # type: ignore[import-not-found]

    TransformersConverter(str(folder)).convert(str(into), quantization="int8", force=True)


def to_openvino(side: str, folder: Path, into: Path) -> None:
    """Optimum's export, as its command line does it."""
    command = [str(Path(sys.executable).with_name("optimum-cli")), "export", "openvino"]
    command += ["--model", str(folder), "--task", "text-generation-with-past"]
    partial = into.with_name(f"{into.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    subprocess.run([*command, *OPENVINO_OPTIONS[side], str(partial)], check=True)
    partial.rename(into)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    sides = [*LLAMA_CPP_TYPES, "ctranslate2-int8", *OPENVINO_OPTIONS]
    parser.add_argument("side", choices=sides)
    parser.add_argument("folder", type=Path)
    parser.add_argument("into", type=Path)
    arguments = parser.parse_args()
    if arguments.side in LLAMA_CPP_TYPES:
        to_llama_cpp(arguments.side, arguments.folder, arguments.into)
    elif arguments.side in OPENVINO_OPTIONS:
        to_openvino(arguments.side, arguments.folder, arguments.into)
    else:
        to_ctranslate2(arguments.folder, arguments.into)


if __name__ == "__main__":
    main()
