"""The run's numbers as TensorBoard curves, for those who have it installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from miniclaude.errors import SettingsError


class TensorBoard:
    """Writes event files into `folder`. first_step: where a resumed run goes on; TensorBoard then
    hides what an earlier session drew beyond it.

    Raises SettingsError when TensorBoard is not installed.
    """

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise SettingsError(
                "TensorBoard is not installed.",
                hint="Install it with `pip install 'mini-claude[tensorboard]'`, or leave it out:"
                " the same numbers are in metrics.jsonl.",
                param="tensorboard",
            ) from error
        writer: Any = SummaryWriter(str(folder), purge_step=first_step)
        self._writer = writer

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still held back."""
        self._writer.close()
