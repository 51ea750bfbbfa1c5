"""The tools that come with Mini-Claude, by name. Each only computes: none reaches files or the
network, so none needs anybody's leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from miniclaude.messages import Tool
from miniclaude.tools.calculator import CALCULATOR, concerns_numbers, run_calculator


@dataclass(frozen=True, slots=True)
class RunnableTool:
    """A tool and what it does. run: the arguments as the model wrote them (JSON text) → what the
    model is told. Called in a thread; a mistake in the arguments is an answer too. suits: whether a
    question may need it; offered unasked, it is to those alone."""

    tool: Tool
    run: Callable[[str], str]
    suits: Callable[[str], bool] = lambda question: True


BUILTIN: Mapping[str, RunnableTool] = {
    CALCULATOR.name: RunnableTool(CALCULATOR, run_calculator, concerns_numbers),
}
