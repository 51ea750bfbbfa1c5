"""Our AdamW is PyTorch's to the last bit, without its imports."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from miniclaude.training.adamw import AdamW


def some_parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(s, generator=generator)) for s in ((3, 50), (50, 3), (7,))]


def train(optimizer: Any, parameters: list[nn.Parameter], steps: range) -> None:
    """Gradients of all sizes; the last parameter has one every other step only."""
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator) * 10.0**-step
        if step % 2:
            parameters[-1].grad = None
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
        optimizer.step()
        optimizer.zero_grad()


def test_it_takes_the_steps_of_torchs_bit_for_bit() -> None:
    """A correction for the first steps that is off, or decay mixed into the momentum, would train
    almost as well and never be noticed."""
    mine, theirs = some_parameters(), some_parameters()
    settings: dict[str, Any] = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-9, "weight_decay": 0.3}

    def groups(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
        return [{"params": parameters[:1], "weight_decay": 0.0}, {"params": parameters[1:]}]

    own = AdamW(groups(mine), **settings)
    peer = torch.optim.AdamW(groups(theirs), **settings, fused=True)
    train(own, mine, range(6))
    train(peer, theirs, range(6))
    for one, other in zip(mine, theirs, strict=True):
        assert torch.equal(one, other)
    state = peer.state_dict()["state"]
    expected = {
        f"{i}.{name}": tensor for i, names in state.items() for name, tensor in names.items()
    }
    assert own.tensors().keys() == expected.keys(), "checkpoints of torch's go on with ours"
    assert all(torch.equal(tensor, expected[key]) for key, tensor in own.tensors().items())


def test_a_restored_state_goes_on_with_the_same_bits() -> None:
    whole, parts = some_parameters(), some_parameters()
    train(AdamW([{"params": whole}]), whole, range(6))
    first = AdamW([{"params": parts}])
    train(first, parts, range(3))
    second = AdamW([{"params": parts}])
    second.restore(first.tensors())
    train(second, parts, range(3, 6))
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


@pytest.mark.parametrize(("key", "shape"), [("9.exp_avg", (3, 50)), ("0.exp_avg", (50, 3))])
def test_a_state_of_other_parameters_is_refused(key: str, shape: tuple[int, int]) -> None:
    """The kernel works on bare memory: a state of another shape would be read past its end."""
    with pytest.raises(KeyError, match=r"parameter 9, of 3|0\.exp_avg of shape \(3, 50\)"):
        AdamW([{"params": some_parameters()}]).restore({key: torch.zeros(shape)})


def test_gradient_scaling_accepts_it() -> None:
    """The scaler reads attributes of an optimizer; a step that overflowed must be left out."""
    parameters = some_parameters()[:1]
    optimizer: Any = AdamW([{"params": parameters}])
    before = parameters[0].detach().clone()
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale((parameters[0] * torch.inf).sum()).backward()  # type: ignore[no-untyped-call]
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(parameters[0], before)
    assert scaler.get_scale() == 2.0


def test_training_does_not_import_the_compiler() -> None:
    """torch's own optimizers import it when one is made: 70 MB and more than a second."""
    program = """
import sys, torch
from miniclaude.training.adamw import AdamW
from miniclaude.training import loop
p = torch.nn.Parameter(torch.ones(2, 2))
o = AdamW([{"params": [p]}])
(p @ p).sum().backward()
torch.nn.utils.get_total_norm([p.grad])
o.step()
o.zero_grad()
print(*(name for name in ("sympy", "torch._dynamo") if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
