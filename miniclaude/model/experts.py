"""A mixture of experts: many MLPs, of which each token uses few (Shazeer et al. 2017).

A router scores the experts for every token, a softmax turns scores into probabilities, and the k
likeliest experts compute; the sum of what they say, weighted by those probabilities, is the layer's
answer. So a layer knows as much as E MLPs and costs what k do. An expert is the same gated MLP that
a dense layer has, without biases.

Left to itself a router soon prefers a few experts, which then are the only ones to learn.
`balancing_loss` is what training adds against that (Fedus et al. 2021, Switch Transformers).

Letters in shapes: n tokens, E experts, k of them for each token, W width, F width of an expert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from miniclaude.model.config import ModelConfig

if TYPE_CHECKING:
    from miniclaude.model.transformer import Observer, Transformer

Activation = Callable[[Tensor], Tensor]


def ask(x: Tensor, up: Tensor, down: Tensor, activation: Activation) -> Tensor:
    """One expert: SwiGLU without biases. x [n, W], up [2 F, W], down [W, F] -> [n, W]."""
    gate, value = linear(x, up).chunk(2, dim=-1)
    return linear(activation(gate) * value, down)


def reference_mixture(experts: Experts, x: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
    """The definition: each token asks its experts one after another.

    x [n, W], weights [n, k] float32, chosen [n, k] -> [n, W], in float32.
    """
    rows = []
    for row, shares, numbers in zip(torch.split(x, 1), weights, chosen.tolist(), strict=True):
        answers = [
            ask(row, experts.up[e], experts.down[e], experts.activation)[0] for e in numbers
        ]  # k of [W]
        rows.append((shares[:, None] * torch.stack(answers).float()).sum(dim=0))
    return torch.stack(rows)


def fast_mixture(experts: Experts, x: Tensor, weights: Tensor, chosen: Tensor) -> Tensor:
    """The same with one product pair for each expert: tokens are sorted by the expert they ask.

    `index_select` adds up gradients in a fixed order on a CPU, which indexing does not: a run that
    is taken up again ends with the same bits. `unbind` gathers the experts' gradients once, where
    `up[e]` would make a gradient of the whole stack for every expert.
    """
    tokens, k = chosen.shape
    asked = chosen.flatten()  # [n·k], k entries a token
    order = asked.argsort(stable=True)  # [n·k], the entries by expert
    sizes = asked.bincount(minlength=len(experts.up)).tolist()
    groups = torch.split(x.index_select(0, order // k), sizes)  # E of [an expert's tokens, W]
    matrices = zip(experts.up.unbind(), experts.down.unbind(), strict=True)
    answers = [
        ask(group, up, down, experts.activation)
        for group, (up, down) in zip(groups, matrices, strict=True)
        if len(group)
    ]
    by_expert = torch.cat(answers).float()  # [n·k, W]
    by_token = by_expert.index_select(0, order.argsort()).view(tokens, k, -1)  # [n, k, W]
    return (by_token * weights[..., None]).sum(dim=1)


MixtureFunction = Callable[["Experts", Tensor, Tensor, Tensor], Tensor]


class Router(nn.Module):
    """A row of weights for each expert: how well it suits a token.

    Always in float32: rounded scores would send tokens to other experts (Switch, section 2.4).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(config.experts, config.width))

    def forward(self, x: Tensor) -> Tensor:
        """x: [n, W] -> scores [n, E], float32."""
        with torch.autocast(x.device.type, enabled=False):
            return linear(x.float(), self.weight.float())


class Experts(nn.Module):
    """What a sparse layer has in place of its MLP.

    up [E, 2 F, W] holds each expert's gate rows first, then its values'; down is [E, W, F].
    activation: what the gate goes through. shared: an MLP that sees every token, scaled by a
    sigmoid of its own (Qwen-MoE); None for none.
    """

    def __init__(
        self, config: ModelConfig, layer: int, activation: Activation, shared: nn.Module | None
    ) -> None:
        super().__init__()
        self.config, self.layer, self.activation = config, layer, activation
        self.mix: MixtureFunction = fast_mixture
        self.router = Router(config)
        experts, width, inner = config.experts, config.width, config.expert_width
        self.up = nn.Parameter(torch.zeros(experts, 2 * inner, width))
        self.down = nn.Parameter(torch.zeros(experts, width, inner))
        self.shared = shared
        if shared is not None:
            self.shared_gate = nn.Linear(width, 1, bias=False)

    def forward(self, x: Tensor, observer: Observer | None = None) -> Tensor:
        """x: [B, T, W] -> [B, T, W]."""
        B, T, W = x.shape
        tokens = x.reshape(-1, W)  # [n, W]
        scores: Tensor = self.router(tokens)  # [n, E]
        weights, chosen = choose(scores, self.config)  # [n, k] both
        if observer is not None:
            observer.routing(self.layer, scores.softmax(-1).view(B, T, -1), chosen.view(B, T, -1))
        y = self.mix(self, tokens, weights, chosen).to(x.dtype)  # [n, W]
        if self.shared is not None:
            y = y + self.shared_gate(tokens).sigmoid() * self.shared(tokens)
        return y.view(B, T, W)


def choose(scores: Tensor, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """The likeliest experts of each token and what their answers count for.

    scores [n, E] -> weights [n, k], likeliest first, and the experts' numbers [n, k].
    """
    weights, chosen = scores.softmax(dim=-1).topk(config.experts_per_token, dim=-1)
    if config.norm_topk:
        weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights, chosen


def balancing_loss(scores: Sequence[Tensor], per_token: int) -> Tensor:
    """E · Σ over experts of (share of tokens that ask it · mean probability it is given).

    scores: of every sparse layer, [n, E] each. per_token: k. Its least is k, where all experts are
    asked alike; only the probabilities carry a gradient. (Fedus et al. 2021, equations 4 to 6, with
    the layers' tokens taken together.)
    """
    probabilities = torch.cat(list(scores)).float().softmax(dim=-1)  # [layers·n, E]
    tokens, experts = probabilities.shape
    asked = probabilities.detach().topk(per_token, dim=-1).indices.flatten()
    share = asked.bincount(minlength=experts) / tokens  # [E], adds up to k
    return experts * (share * probabilities.mean(dim=0)).sum()


@contextmanager
def router_scores(model: Transformer) -> Iterator[list[Tensor]]:
    """A list that gets the scores [n, E] of every sparse layer, with their gradients, as forward
    passes compute them while it is open."""
    kept: list[Tensor] = []

    def keep(router: nn.Module, inputs: object, scores: Tensor) -> None:
        kept.append(scores)

    with ExitStack() as hooks:
        for module in model.modules():
            if isinstance(module, Router):
                hooks.enter_context(module.register_forward_hook(keep))
        yield kept
