"""Whether a model folder's weights are stored in few bits, by its config.json. No torch.

Our own packing is a `quantization_config` whose `quant_method` is "mini-claude"; other programs
then refuse the folder, rather than load it and compute something else. Those of others we refuse,
but for compressed-tensors' (`compression.py`), which are read as floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from miniclaude.errors import CheckpointError
from miniclaude.model.compression import METHOD as COMPRESSED
from miniclaude.model.compression import Compression, compression_of
from miniclaude.model.config_json import MAX_CONFIG_BYTES, ConfigFields, read_json_object

FIELD, METHOD, VERSION = "quantization_config", "mini-claude", 1

GROUPS: dict[int, int | None] = {8: None, 4: 64}
"""Columns that share a scale, by bits; None is the whole row."""

FOREIGN_FILES = {"quantize_config.json": "gptq", "quant_config.json": "awq"}
"""What older tools wrote beside a config.json that says nothing, and whose method it is."""

CURE = (
    "Fetch the original, unquantised model, and make it small here: `mini-claude models quantize"
    " NAME --to int4`."
)


@dataclass(frozen=True, slots=True)
class Packing:
    """How a folder's weights are stored: in how many bits (`packed.py` says how)."""

    bits: Literal[8, 4]

    @property
    def dtype(self) -> str:
        """As the setting `dtype` calls it."""
        return f"int{self.bits}"

    def as_config(self) -> dict[str, object]:
        """config.json's `quantization_config`."""
        return {
            "quant_method": METHOD,
            "version": VERSION,
            "bits": self.bits,
            "group_size": GROUPS[self.bits],
        }


def read_packing(folder: Path) -> Packing | None:
    """How the weights of a model folder are packed; None where they are ordinary numbers, and where
    there is no config.json.

    Raises CheckpointError naming the method where another program has quantised them, and for what
    a newer version of this one has written.
    """
    path = folder / "config.json"
    if not path.is_file():
        return None
    return packing_of(ConfigFields(path, read_json_object(path, MAX_CONFIG_BYTES)))


def packing_of(config: ConfigFields) -> Packing | None:
    """The same of a config.json that is read already."""
    fields = config.section(FIELD)
    if fields is None:
        for name, method in FOREIGN_FILES.items():
            if config.path.with_name(name).is_file():
                raise foreign(config.path.with_name(name), method)
        return None
    method = fields.text("quant_method") or older_method(fields)
    if method == COMPRESSED:
        compression_of(fields)  # refuses what is not read
        return None
    if method != METHOD:
        raise foreign(config.path, method)
    version = fields.integer("version")
    if version != VERSION:
        raise CheckpointError(
            f"{config.path}: the weights are packed in version {version} of our layout; this"
            f" program reads version {VERSION}.",
            hint="Update Mini-Claude, or quantise the original model with this version.",
            param="version",
        )
    bits = fields.values.get("bits")
    if bits != 8 and bits != 4:
        raise fields.wrong("bits", "8 or 4")
    if fields.values.get("group_size") != GROUPS[bits]:
        raise fields.wrong("group_size", f"{GROUPS[bits]} for {bits} bits")
    return Packing(bits)


def read_compression(folder: Path) -> Compression | None:
    """How compressed-tensors has rounded a model folder's weights; None where it has not. Raises
    CheckpointError for what is not read here."""
    config = ConfigFields(
        folder / "config.json", read_json_object(folder / "config.json", MAX_CONFIG_BYTES)
    )
    fields = config.section(FIELD)
    if fields is None or fields.text("quant_method") != COMPRESSED:
        return None
    return compression_of(fields)


def older_method(fields: ConfigFields) -> str:
    """bitsandbytes named itself only in later versions."""
    bits = ("load_in_4bit", "load_in_8bit")
    return "bitsandbytes" if any(name in fields.values for name in bits) else "an unnamed method"


def foreign(path: Path, method: str) -> CheckpointError:
    """The refusal of weights that another program has quantised."""
    return CheckpointError(
        f"{path}: the weights are quantised by {method[:60]}, which is not read here.",
        hint=CURE,
        param=FIELD,
    )


def refuse_packed(folder: Path) -> None:
    """Raise CheckpointError where a folder's weights are packed: for what needs exact ones."""
    packing = read_packing(folder)
    if packing is not None:
        raise CheckpointError(
            f"{folder}: the weights are stored in {packing.dtype}, which is for answering only.",
            hint="Use the original model that it was made from, for tuning and for other number"
            " formats.",
            param="dtype",
        )
