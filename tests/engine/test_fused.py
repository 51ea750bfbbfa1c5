"""The fused computation of a packed model against the transformer's own forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from miniclaude.engine.engine import Engine
from miniclaude.engine.fused import FusedModel
from miniclaude.engine.kv_cache import BlockCache, Span
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.worker import load, share_cores
from miniclaude.errors import CheckpointError, SettingsError
from miniclaude.model.checkpoint import load_model
from miniclaude.model.config import ModelConfig
from miniclaude.model.fused_attention import attend, score_room
from miniclaude.model.library import bundled_models
from miniclaude.model.load_packed import load_packed
from miniclaude.model.packed import Bits
from miniclaude.model.packed_layers import PackedLinear, pack_model
from miniclaude.model.pair_code import NATIVE
from miniclaude.model.transformer import Transformer
from miniclaude.model.write_packed import write_packed
from miniclaude.tokenizer.load import load_tokenizer
from tests.engine.tiny import ByteVocabulary, ask, run, texts, tiny_model
from tests.model.models import GPT2, LLAMA, random_model
from tests.model.test_hub import Recorder
from tests.model.test_packed import error, rounded_as_the_kernels_do

THREADS = 2
ROOT = Path(__file__).parents[2]
SHAPES: dict[str, tuple[ModelConfig, dict[str, Any]]] = {
    "gpt2": (GPT2, {}),
    "gelu": (GPT2, {"activation": "gelu", "positions": "sinusoidal"}),
    "llama": (LLAMA, {}),
    "biased": (LLAMA, {"qkv_bias": True, "out_bias": True, "mlp_bias": True, "tied_head": True}),
    "qwen3": (LLAMA, {"qk_norm": True, "windows": (None, 5)}),
    "relu": (LLAMA, {"gated_mlp": False, "activation": "relu"}),
    "tiles": (LLAMA, {"head_dim": 32, "windows": (None, 5)}),
}

STEPS = [
    [Span([2, 3, 5], 0, 9)],
    [Span([2, 3, 5], 9, 10), Span([0, 4, 1], 0, 7)],
    [Span([2, 3, 5], 10, 11), Span([0, 4, 1], 7, 9)],
    [Span([0, 4, 1], 9, 10)],
]
"""A prompt; a prompt beside a token; a token and a short run; a token alone. Blocks of 4, scattered
and neighbours."""


def cache_of(model: Transformer, dtype: torch.dtype) -> BlockCache:
    return BlockCache(
        model.config, blocks=8, block_tokens=4, dtype=dtype, device=torch.device("cpu")
    )


def round_activations(model: Transformer) -> None:
    """Let the reference round what goes into its products as the kernels do."""

    def before(module: nn.Module, arguments: tuple[Tensor]) -> Tensor:
        flat = arguments[0].flatten(0, -2)
        return rounded_as_the_kernels_do(flat).view(arguments[0].shape)

    for module in model.modules():
        if isinstance(module, PackedLinear):
            module.register_forward_pre_hook(before)


@torch.inference_mode()
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_model_agrees_with_its_reference(name: str, bits: Bits) -> None:
    """Families, biases, norms of heads, windows, every nonlinearity; runs long and short."""
    config, changes = SHAPES[name]
    model = random_model(config, **changes)
    pack_model(model, bits)
    fused = FusedModel(model, THREADS)
    round_activations(model)
    ours, plain = cache_of(model, torch.bfloat16), cache_of(model, torch.float32)
    generator = torch.Generator().manual_seed(3)
    for spans in STEPS:
        count = sum(end - start for _, start, end in spans)
        ids = torch.randint(model.config.vocab_size, (1, count), generator=generator)
        hidden = fused.hidden(ids, ours.step(spans))
        wanted = model.hidden(ids, plain.step(spans))
        assert error(hidden, wanted) < 0.02  # keys and values are bfloat16
        assert error(fused.head(hidden[0]), model.head(hidden[0])) < 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("kept", [[8], [0, 3, 4, 10], []])
@pytest.mark.parametrize("name", ["gpt2", "tiles"])
def test_states_that_nobody_reads_are_left_out_and_the_others_are_the_same_bits(
    name: str, kept: list[int]
) -> None:
    """The last block's products are computed for those that are read, among them tokens from the
    middle of a prompt; what later tokens look at is written for all."""
    config, settings = SHAPES[name]
    model = random_model(config, **settings)
    pack_model(model, 8)
    fused = FusedModel(model, THREADS)
    some, whole = cache_of(model, torch.bfloat16), cache_of(model, torch.bfloat16)
    spans = [Span([2, 3, 5], 0, 9), Span([0, 4, 1], 0, 2)]
    ids = torch.randint(config.vocab_size, (1, 11), generator=torch.Generator().manual_seed(5))
    step = some.step(spans)
    step.kept = torch.tensor(kept, dtype=torch.long)
    part, everything = fused.hidden(ids, step)[0], fused.hidden(ids, whole.step(spans))[0]
    assert torch.equal(part[kept], everything[kept])
    assert torch.equal(some.pool[:, :, :, 8:12], whole.pool[:, :, :, 8:12])
    later = [Span([2, 3, 5], 9, 10)]
    token = torch.tensor([[7]])
    assert torch.equal(
        fused.hidden(token, some.step(later)), fused.hidden(token, whole.step(later))
    )


@torch.inference_mode()
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("kv_heads", [1, 2])
def test_many_answers_look_each_at_its_own(kv_heads: int, threads: int) -> None:
    """Their attention is shared out in pieces of several, the last one smaller: none may be left
    out, and none looked at twice."""
    model = random_model(LLAMA, kv_heads=kv_heads)
    pack_model(model, 8)
    fused = FusedModel(model, threads)
    round_activations(model)
    count, filler = 37, torch.Generator().manual_seed(4)
    ours, plain = (
        BlockCache(
            model.config, blocks=count, block_tokens=16, dtype=dtype, device=torch.device("cpu")
        )
        for dtype in (torch.bfloat16, torch.float32)
    )
    for start, end in ((0, 3), (3, 4), (4, 5)):
        spans = [Span([number], start, end) for number in range(count)]
        ids = torch.randint(
            model.config.vocab_size, (1, len(spans) * (end - start)), generator=filler
        )
        hidden, wanted = fused.hidden(ids, ours.step(spans)), model.hidden(ids, plain.step(spans))
        assert error(hidden, wanted) < 0.02


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_the_engine_answers_many_as_it_answers_one(family: str, bits: Bits) -> None:
    """A token's result may not depend on who else is in the batch, or on how its prompt was cut."""
    model = tiny_model(family)
    pack_model(model, bits)
    fused = FusedModel(model, THREADS)
    prompts = ["a", "Hello, how are you today?", "The quick brown fox " * 2, "xyz"]
    requests = [ask(str(i), prompt) for i, prompt in enumerate(prompts)]
    limits = EngineLimits(block_tokens=4, kv_tokens=512, step_tokens=16, max_running=4)
    together = texts(run(Engine(fused, ByteVocabulary(), limits), *requests))
    for request in requests:
        wide = EngineLimits(block_tokens=4, kv_tokens=512, step_tokens=96, max_running=4)
        alone = texts(run(Engine(fused, ByteVocabulary(), wide), request))
        assert together[request.id, 0] == alone[request.id, 0]


@torch.inference_mode()
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", ["gpt2", "llama", "tiles", "lone"])
def test_a_tokens_scores_are_the_same_bits_beside_guesses(name: str, bits: Bits) -> None:
    """So a greedy or seeded answer on packed weights is the same with guesses and without, windows
    included. Float weights, and adapters, promise less: their products round in another order for
    more rows; and so do heads of a multiple of 32 that share no keys, where pairs of bfloat16 are
    no instruction."""
    if name == "lone" and not NATIVE:
        pytest.skip("a token alone is no tile here")
    config, settings = SHAPES["tiles" if name == "lone" else name]
    settings = settings | {"kv_heads": config.heads} if name == "lone" else settings
    model = random_model(config, **settings, vocab_size=256) if settings else tiny_model(name)
    pack_model(model, bits)
    fused = FusedModel(model, THREADS)
    together, apart = (cache_of(model, torch.bfloat16) for _ in range(2))
    ids = torch.randint(256, (1, 9), generator=torch.Generator().manual_seed(4))
    for cache in (together, apart):
        fused.hidden(ids[:, :4], cache.step([Span([0, 1, 2], 0, 4)]))
    checked = fused.hidden(ids[:, 4:], together.step([Span([0, 1, 2], 4, 9)]))[0]
    for place in range(4, 9):
        step = apart.step([Span([0, 1, 2], place, place + 1)])
        alone = fused.hidden(ids[:, place : place + 1], step)[0]
        assert torch.equal(fused.head(alone), fused.head(checked)[place - 4 : place - 3])


def test_a_folder_loads_packed_layer_by_layer_as_it_does_whole(model_folder: Path) -> None:
    """The loader that never holds the whole model as floats must not lose or swap a tensor."""
    whole, streamed = load_model(model_folder), load_packed(model_folder, 8)
    pack_model(whole, 8)
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        assert torch.equal(whole(ids), streamed(ids))


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_the_worker_loads_what_the_setting_says(model_folder: Path, dtype: str) -> None:
    threads = torch.get_num_threads()
    try:
        engine, info = load(EngineSpec(model_folder, dtype=dtype, threads=2))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
    assert (info.dtype, info.device, info.threads) == (dtype, "cpu", 2)
    assert engine.cache.pool.dtype == torch.bfloat16


def test_pytorch_leaves_the_cores_to_the_teams_of_packed_models() -> None:
    """Its idle threads go on looking for work for milliseconds, on a core that a team needs."""
    threads, packed = torch.get_num_threads(), tiny_model("llama")
    pack_model(packed, 8)
    fused = FusedModel(packed, THREADS)
    try:
        share_cores([fused, tiny_model("llama")], 3)
        assert torch.get_num_threads() == 3  # the one that PyTorch computes needs them
        share_cores([fused, fused], 3)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def stored(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, quantised to int4."""
    folder = tmp_path_factory.mktemp("stored")
    write_packed(model_folder, folder, 4, progress=Recorder())
    return folder


def test_a_stored_format_is_served_and_answers_as_packing_at_load_does(
    stored: Path, model_folder: Path
) -> None:
    answers = []
    for folder, dtype in ((stored, "auto"), (stored, "int4"), (model_folder, "int4")):
        engine, info = load(EngineSpec(folder, dtype=dtype, threads=1))
        assert (info.dtype, info.device) == ("int4", "cpu")
        answers.append(texts(run(engine, ask("a", "abc"))))
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_another_format_than_the_stored_one_is_refused(stored: Path, dtype: str) -> None:
    """To pass it over would leave somebody thinking that they look at exact weights."""
    message = f"are stored in int4, and dtype is '{dtype}'. Leave dtype out for this model"
    with pytest.raises(SettingsError, match=message):
        load(EngineSpec(stored, dtype=dtype))


def test_nothing_is_merged_into_stored_weights_and_they_take_no_other_device(stored: Path) -> None:
    with pytest.raises(CheckpointError, match="has to be merged into its base, and the base's wei"):
        load(EngineSpec(stored, adapter=stored))
    with pytest.raises(SettingsError, match="int4 weights are for the CPU"):
        load(EngineSpec(stored, device="cuda"))


def test_packed_weights_on_another_device_are_refused(model_folder: Path) -> None:
    with pytest.raises(SettingsError, match="int8 weights are for the CPU"):
        load(EngineSpec(model_folder, dtype="int8", device="cuda"))


def test_scores_that_are_no_numbers_end_the_answer() -> None:
    """Rounding to int8 would turn NaN into some number, and a broken model into a babbling one."""
    model = tiny_model("llama")
    pack_model(model, 8)
    norm = model.norm.get_parameter("weight")
    with torch.no_grad():
        norm[0] = torch.nan
    [output] = run(Engine(FusedModel(model, 1), ByteVocabulary()), ask("a", "abc"))
    assert (output.finish, output.error) == ("error", "The model's scores are not numbers.")


@pytest.mark.parametrize("size", [1, 3, 16, 21, 64])
@pytest.mark.parametrize("dimensions", [8, 32, 64, 96])
def test_attention_is_the_equation_whatever_the_sizes(size: int, dimensions: int) -> None:
    """Sixteen keys at a time and four values: what is left over counts too, and no more; and the
    slots of a sequence may lie anywhere."""
    generator = torch.Generator().manual_seed(size)
    query = torch.randn(dimensions, generator=generator)
    keys, values = torch.randn(2, 80, dimensions, generator=generator).bfloat16()
    slots = torch.randperm(80, generator=generator)[:size]
    found = torch.full((dimensions,), torch.nan)
    scores = np.zeros(score_room(80), np.float32)
    bits = [half.view(torch.int16).numpy() for half in (keys, values)]
    attend(query.numpy(), bits[0], bits[1], slots.numpy(), 0.3, scores, found.numpy())
    weights = (keys[slots].float() @ query * 0.3).softmax(0)
    torch.testing.assert_close(found, weights @ values[slots].float(), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("windows", [(None, None), (None, 5)])
def test_keys_and_values_in_8_bits_agree_with_their_reference(
    bits: Bits, windows: tuple[int | None, ...]
) -> None:
    """The kernels read scales from the ends of rows; the reference knows nothing of that."""
    model = random_model(LLAMA, head_dim=32, windows=windows)
    pack_model(model, bits)
    fused = FusedModel(model, THREADS)
    round_activations(model)
    ours, plain = cache_of(model, torch.int8), cache_of(model, torch.int8)
    exact = cache_of(model, torch.float32)
    generator = torch.Generator().manual_seed(3)
    for spans in STEPS:
        count = sum(end - start for _, start, end in spans)
        ids = torch.randint(model.config.vocab_size, (1, count), generator=generator)
        hidden = fused.hidden(ids, ours.step(spans))
        assert error(hidden, model.hidden(ids, plain.step(spans))) < 0.02
        assert error(hidden, model.hidden(ids, exact.step(spans))) < 0.05
    assert ours.pool.nbytes < 0.6 * cache_of(model, torch.bfloat16).pool.nbytes


@torch.inference_mode()
def test_keys_and_values_in_8_bits_cost_the_bundled_model_little() -> None:
    """Half a percent of its bits on real text at most; and half of the memory is promised."""
    bundled = bundled_models()
    assert bundled is not None
    folder = next(bundled.rglob("config.json")).parent
    fused = FusedModel(load_packed(folder, 8), THREADS)
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    ids = torch.tensor([load_tokenizer(folder).encode(text)[:512]])
    losses = []
    for dtype in (torch.bfloat16, torch.int8):
        cache = BlockCache(
            fused.config, blocks=32, block_tokens=16, dtype=dtype, device=torch.device("cpu")
        )
        hidden = fused.hidden(ids[:, :-1], cache.step([Span(list(range(32)), 0, 511)]))
        losses.append(cross_entropy(fused.head(hidden[0]), ids[0, 1:]))
    assert losses[1] < 1.005 * losses[0]


def test_8_bits_are_refused_where_a_heads_size_does_not_fit() -> None:
    model = tiny_model("llama")
    with pytest.raises(SettingsError, match="kv_dtype is int8, and this model's heads have"):
        Engine(model, ByteVocabulary(), EngineLimits(kv_dtype="int8"))


@pytest.mark.parametrize("packed", [True, False])
def test_an_engine_with_8_bits_goes_on_from_its_prefix_cache(packed: bool) -> None:
    """Blocks are shared and copied as rows with their scales, for float weights too."""
    model = random_model(LLAMA, head_dim=32, vocab_size=256)
    served: Transformer | FusedModel = model
    if packed:
        pack_model(model, 8)
        served = FusedModel(model, THREADS)
    limits = EngineLimits(block_tokens=4, kv_tokens=256, kv_dtype="int8")
    engine = Engine(served, ByteVocabulary(), limits)
    first = texts(run(engine, ask("a", "The quick brown fox jumps")))
    again = texts(run(engine, ask("b", "The quick brown fox jumps")))
    assert first["a", 0] == again["b", 0]
    fresh = texts(run(Engine(served, ByteVocabulary(), limits), ask("c", "The quick brown fox ju")))
    assert texts(run(engine, ask("c", "The quick brown fox ju"))) == fresh
