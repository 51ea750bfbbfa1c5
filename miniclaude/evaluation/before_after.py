"""Did it learn? The same held-out rows, scored and answered by the base and by the tuned model.

A run of training ends with numbers about itself; these are about rows it never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from miniclaude.evaluation.held_out import HeldOut, Prompt
from miniclaude.evaluation.overlap import Overlap, overlap
from miniclaude.evaluation.perplexity import HeldOutScore, score
from miniclaude.evaluation.writing import Write
from miniclaude.model.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on the held-out rows. answers: to each prompt, in order."""

    name: str
    score: HeldOutScore
    overlap: Overlap
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Two models on the same rows."""

    before: Measured
    after: Measured
    prompts: tuple[Prompt, ...]

    @property
    def learnt(self) -> bool:
        """Whether the tuned model predicts the held-out answers better."""
        return self.after.score.nats < self.before.score.nats

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        before, after = self.before.score.perplexity, self.after.score.perplexity
        change = after / before - 1
        if abs(change) < 0.01:
            return (
                "On rows it never read, the tuned model predicts the answers as well as the base:"
                f" perplexity {before:,.2f} before, {after:,.2f} after. It has learnt little."
            )
        better = "better" if change < 0 else "worse"
        cure = "" if change < 0 else " Train for fewer epochs, or with a lower learning rate."
        return (
            f"On rows it never read, the tuned model predicts the answers {better} than the base:"
            f" perplexity {before:,.2f} before, {after:,.2f} after.{cure}"
        )


def measure(
    name: str,
    model: Transformer,
    held_out: HeldOut,
    write: Write | None = None,
    *,
    limit: int | None = 50_000,
) -> Measured:
    """Score the model on what is held out, and let it answer the prompts.

    write: who answers (`writing.write_with`); None leaves the answers out. limit: positions that
    are scored, None for all.
    """
    training = model.training
    model.eval()
    try:
        result = score(model, held_out.documents, limit=limit)
    finally:
        model.train(training)
    answers: Sequence[str] = write(held_out.prompts) if write is not None else ()
    wanted = [prompt.answer for prompt in held_out.prompts] if answers else []
    return Measured(name, result, overlap(answers, wanted), tuple(answers))
