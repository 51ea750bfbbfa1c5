"""The fast ways of the loss agree with the slow ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from miniclaude.model.documents_apart import DocumentsApart
from miniclaude.model.lora import LoraConfig, add_lora
from miniclaude.model.transformer import Transformer
from miniclaude.training import losses
from miniclaude.training.attention import attention_for_training, documents_of
from miniclaude.training.averaging import trained_parameters
from miniclaude.training.losses import Supervised, head_loss, reference_head_loss
from miniclaude.training.recompute import blocks_recomputed
from tests.training.tiny import counting_batches, tiny_model


def gradients(model: nn.Module) -> dict[str, Tensor]:
    found = {}
    for name, parameter in trained_parameters(model).items():
        assert parameter.grad is not None, name
        found[name] = parameter.grad.clone()
    model.zero_grad()
    return found


@pytest.mark.parametrize("rows", [1, 3, 100])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_chunked_loss_and_its_gradients_are_those_of_the_whole(rows: int, frozen: bool) -> None:
    """In chunks that do and do not divide the number of rows."""
    generator = torch.Generator().manual_seed(0)
    head = nn.Linear(8, 30, bias=False)
    states = torch.randn(7, 8, generator=generator) * 3
    targets = torch.randint(30, (7,), generator=generator)
    head.requires_grad_(not frozen)
    results = []
    for loss_of in (
        reference_head_loss,
        lambda head, x, t: head_loss(head, x, t, chunk_bytes=4 * 30 * rows),
    ):
        inputs = states.clone().requires_grad_()
        loss = loss_of(head, inputs, targets)
        (2.5 * loss).backward()  # type: ignore[no-untyped-call]
        results.append((loss.detach(), inputs.grad, head.weight.grad))
        head.weight.grad = None
    for slow, fast in zip(*results, strict=True):
        if slow is None:
            assert fast is None
        else:
            torch.testing.assert_close(fast, slow)


def test_parts_that_fit_a_cache_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax is taken a few rows at a time, and in half precision the matrix's gradient a few of
    the vocabulary's: a part left out or added twice would only make learning worse."""
    torch.manual_seed(0)
    head = nn.Linear(8, 30, bias=False)
    states, targets = torch.randn(7, 8, requires_grad=True), torch.randint(30, (7,))
    results = []
    for size in (1 << 20, 1, 4 * 30 * 3):  # everything, one row, three rows (15 of the matrix)
        monkeypatch.setattr(losses, "CACHED_BYTES", size)
        for dtype in (None, torch.bfloat16):
            with torch.autocast("cpu", dtype, enabled=dtype is not None):
                loss = head_loss(head, states, targets)
            results.append((loss, *torch.autograd.grad(loss, (states, head.weight))))
    for place in range(2):
        for parts in results[place + 2 :: 2]:
            for one, whole in zip(parts, results[place], strict=True):
                torch.testing.assert_close(one, whole)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 0.1), (torch.float16, 0.02)])
def test_the_gradient_of_a_token_that_is_nearly_certain_is_not_lost(
    dtype: torch.dtype, bound: float
) -> None:
    """Softmax times the matrix, minus the target's row, is a difference of two nearly equal
    numbers: rounded to half precision, all of it was rounding error once a token was learnt well.
    """
    generator = torch.Generator().manual_seed(0)
    head = nn.Linear(32, 500, bias=False)
    nn.init.normal_(head.weight, generator=generator)
    targets = torch.arange(40)
    sure = head.weight[:40] / head.weight[:40].norm(dim=1, keepdim=True)  # [40, 32]
    states = 0.3 * torch.randn(40, 32, generator=generator) + 5 * sure.detach()
    with torch.no_grad():
        head.weight[:40] += 1.5 * sure  # p(target) about 0.9999
        head.weight.copy_(head.weight.to(dtype))
    states = states.to(dtype).float().requires_grad_()
    exact = (states.detach().double().requires_grad_(), head.weight.detach().double())
    wanted = torch.nn.functional.cross_entropy(
        exact[0] @ exact[1].requires_grad_().T, targets, reduction="sum"
    )
    expected = torch.autograd.grad(wanted, exact)
    with torch.autocast("cpu", dtype):
        loss = head_loss(head, states, targets)
    for fast, slow in zip(torch.autograd.grad(loss, (states, head.weight)), expected, strict=True):
        assert float((fast - slow).norm() / slow.norm()) < bound


def test_a_head_that_is_more_than_a_matrix_is_computed_in_chunks_too() -> None:
    head = nn.Linear(8, 30)  # with a bias, which the fused way does not know
    states, targets = torch.randn(7, 8, requires_grad=True), torch.arange(7)
    slow = reference_head_loss(head, states, targets)
    fast = head_loss(head, states, targets, chunk_bytes=4 * 30 * 2)
    torch.testing.assert_close(fast, slow)
    [expected] = torch.autograd.grad(slow, states)
    [found] = torch.autograd.grad(fast, states)
    torch.testing.assert_close(found, expected)


def test_nothing_to_learn_is_a_loss_of_zero() -> None:
    states = torch.randn(0, 8, requires_grad=True)
    loss = head_loss(nn.Linear(8, 30, bias=False), states, torch.zeros(0, dtype=torch.long))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0


def adapted(dropout: float = 0.0) -> Transformer:
    model = tiny_model().train()
    add_lora(model, LoraConfig(r=4, dropout=dropout))
    with torch.no_grad():
        for parameter in trained_parameters(model).values():
            parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    return model


@pytest.mark.parametrize("adapters", [False, True])
def test_packed_attention_has_the_gradients_of_one_document_after_the_other(
    adapters: bool,
) -> None:
    model = adapted() if adapters else tiny_model().train()
    batch = counting_batches()[0]
    assert len(batch.lengths) > 2
    plain = Supervised().loss(model, batch).total
    plain.backward()  # type: ignore[no-untyped-call]
    expected = gradients(model)
    with attention_for_training(model):
        assert type(documents_of(model, batch.lengths, batch.ids.device)) is not DocumentsApart
        packed = Supervised().loss(model, batch).total
        packed.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(packed, plain)
    for name, gradient in gradients(model).items():
        torch.testing.assert_close(gradient, expected[name], msg=name)
    assert type(documents_of(model, batch.lengths, batch.ids.device)) is DocumentsApart


def test_packed_documents_do_not_see_each_other_with_adapters_either() -> None:
    """A document's loss in a packed row is that of the document alone."""
    model = adapted()
    batch = counting_batches()[0]
    with attention_for_training(model), torch.no_grad():
        states = model.hidden(batch.ids, documents_of(model, batch.lengths, batch.ids.device))
        start = 0
        for length in batch.lengths:
            alone = model.hidden(batch.ids[:, start : start + length])
            torch.testing.assert_close(states[:, start : start + length], alone)
            start += length


def test_recomputed_blocks_give_the_same_gradients_dropout_included() -> None:
    """Dropout must hide the same inputs when a block is computed the second time."""
    results = []
    for wanted in (False, True):
        model = adapted(dropout=0.5)
        torch.manual_seed(7)
        with blocks_recomputed(model, wanted), attention_for_training(model):
            Supervised().loss(model, counting_batches()[0]).total.backward()  # type: ignore[no-untyped-call]
        results.append(gradients(model))
        assert "forward" not in vars(model.blocks[0])
    for name, gradient in results[0].items():
        torch.testing.assert_close(results[1][name], gradient, msg=name)


@pytest.mark.parametrize("rows", [1, 64, 90])
def test_scores_by_the_other_library_are_the_product(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are filled up to a multiple; what is filled in must not come back."""
    monkeypatch.setattr(losses, "LARGE", 1)
    torch.manual_seed(0)
    x, matrix = torch.randn(rows, 24), torch.randn(50, 24)
    torch.testing.assert_close(losses.head_scores(x, matrix), x @ matrix.T)
