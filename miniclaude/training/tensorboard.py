"""The run's numbers as TensorBoard curves, for those who have it installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from miniclaude.errors import SettingsError


class TensorBoard:
    """Writes event files into `folder`, from the first point on: of what an earlier session drew,
    TensorBoard then hides what lies beyond that point, and nothing else.

    Raises SettingsError when TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise SettingsError(
                "TensorBoard is not installed.",
                hint="Install it with `pip install 'mini-claude[tensorboard]'`, or leave it out:"
                " the same numbers are in metrics.jsonl.",
                param="tensorboard",
            ) from error
        self._open: Any = SummaryWriter
        self._folder = folder
        self._writer: Any = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each curve."""
        if self._writer is None:
            self._writer = self._open(str(self._folder), purge_step=step)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still held back."""
        if self._writer is not None:
            self._writer.close()
