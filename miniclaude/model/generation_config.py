"""How a model's makers would have it sample: `generation_config.json` in the model folder."""

from __future__ import annotations

from pathlib import Path

from miniclaude.model.config_json import MAX_CONFIG_BYTES, ConfigFields, read_json_object

GENERATION_CONFIG = "generation_config.json"

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 1_000_000),
    "min_p": (0, 1),
    "repetition_penalty": (0.01, 10),
}


def read_sampling_defaults(folder: Path) -> dict[str, float]:
    """The sampling settings a folder recommends, by the names of `providers.base.Settings`.

    Empty without the file, and where `do_sample` is not set: `transformers` ignores them then.
    Raises CheckpointError naming the field that is out of range.
    """
    path = folder / GENERATION_CONFIG
    if not path.is_file():
        return {}
    fields = ConfigFields(path, read_json_object(path, MAX_CONFIG_BYTES))
    if not fields.flag("do_sample", False):
        return {}
    defaults: dict[str, float] = {}
    for name, (least, most) in RANGES.items():
        value = fields.values.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise fields.wrong(name, f"a number from {least:g} to {most:g}")
        if not least <= value <= most:
            raise fields.wrong(name, f"a number from {least:g} to {most:g}")
        defaults[name] = int(value) if name == "top_k" else float(value)
    return defaults
