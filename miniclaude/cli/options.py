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
Draft = Annotated[
    str | None,
    typer.Option(
        help="A smaller local model with the same vocabulary, which guesses the model's next"
        " words: answers come faster and are the model's own.",
        show_default="none",
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="Number format of local models' weights: float32, bfloat16, float16, float8 (a GPU's),"
        " int8 or int4.",
        show_default="auto",
    ),
]
