"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of your models and conversations.", show_default="~/.mini-claude"),
]
Model = Annotated[str | None, typer.Option(help="The model that answers.")]
