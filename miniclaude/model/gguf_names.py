"""Where a checkpoint's tensors go in a GGUF file, and how they lie there.

Matrices are [out, in] in GGUF, so what GPT-2 transposed is turned back. Llama's queries and keys
come in another order: Hugging Face rotates dimension i of a head together with dimension i + d/2,
llama.cpp for its architecture `llama` dimension 2i with 2i + 1, so the rows of each head are dealt
out from the two halves in turn. Qwen's keep their order: for them llama.cpp rotates halves as well.
"""

from __future__ import annotations

import re

from miniclaude.model.checkpoint_format import Piece
from miniclaude.model.config import ModelConfig
from miniclaude.model.gguf_blocks import Floats

ROPE_FACTORS = "rope_freqs.weight"
"""[head_dim / 2]: what each pair's wavelength is multiplied by; Llama 3.1 and later."""
TOKENS, HEAD, PLACES = "token_embd.weight", "output.weight", "position_embd.weight"

WHOLE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
}
LAYERED = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
IN_LAYER = re.compile(r"(?:model\.layers|transformer\.h)\.(\d+)\.(.+)")


def gguf_name(name: str) -> str:
    """A checkpoint's tensor name → that in a GGUF file."""
    module, _, kind = name.rpartition(".")
    layered = IN_LAYER.fullmatch(module)
    if layered is None:
        return f"{WHOLE[module]}.{kind}"
    return f"blk.{layered[1]}.{LAYERED[layered[2]]}.{kind}"


def is_rotated(piece: Piece, architecture: str) -> bool:
    """Whether the rows of this piece are in another order in GGUF."""
    return architecture == "llama" and (".q_proj." in piece.name or ".k_proj." in piece.name)


def pairs_together(rows: Floats, config: ModelConfig) -> Floats:
    """[heads · d, columns], each head's rows in two halves → the rows of a pair side by side."""
    halves = rows.reshape(-1, 2, config.head_dim // 2, rows.shape[1])  # [heads, 2, d / 2, columns]
    return halves.swapaxes(1, 2).reshape(rows.shape)


def halves_together(rows: Floats, config: ModelConfig) -> Floats:
    """The inverse of `pairs_together`."""
    pairs = rows.reshape(-1, config.head_dim // 2, 2, rows.shape[1])  # [heads, d / 2, 2, columns]
    return pairs.swapaxes(1, 2).reshape(rows.shape)
