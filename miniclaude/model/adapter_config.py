"""PEFT's adapter_config.json, read with suspicion and written so that PEFT reads it. No torch.

A field that changes what an adapter computes and that is not implemented here is refused by name;
defaults and nulls are let through, whatever the field is called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniclaude.errors import CheckpointError, SettingsError
from miniclaude.model.config_json import MAX_CONFIG_BYTES, ConfigFields, read_json_object
from miniclaude.model.lora_config import LoraConfig

ADAPTER_CONFIG = "adapter_config.json"

UNDERSTOOD = {
    "r",
    "lora_alpha",
    "lora_dropout",
    "use_rslora",
    "use_dora",
    "target_modules",
    "rank_pattern",
    "alpha_pattern",
}
HARMLESS = {
    "peft_type",
    "peft_version",
    "task_type",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
    "fan_in_fan_out",  # how the base's weights lie, which the base itself knows
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
    "loftq_config",  # how to begin; what it did to the base is in init_lora_weights
    "eva_config",
    "ensure_weight_tying",
}
KEEPS_THE_BASE = (True, False, None, "gaussian", "orthogonal", "eva")
"""Values of init_lora_weights that leave the base as it was; others (pissa, olora, corda, loftq)
change it, and the adapter then fits only the changed one."""

CURES = {
    "bias": "Train with bias none, or merge the adapter with PEFT (merge_and_unload) and load the"
    " whole model.",
    "init_lora_weights": "Convert it when saving with PEFT:"
    " save_pretrained(path_initial_model_for_weight_conversion=...).",
    "layers_to_transform": "Write the full names of the adapted layers into target_modules.",
    "exclude_modules": "Write the full names of the adapted layers into target_modules.",
}
MERGE = "Merge the adapter into its base with PEFT (merge_and_unload) and load the whole model."


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """lora: what it computes. base: the model its makers name, perhaps a path of theirs.
    task: PEFT's task_type, such as CAUSAL_LM; both may be empty."""

    lora: LoraConfig
    base: str
    task: str


def read_adapter_config(folder: Path) -> AdapterConfig:
    """What adapter_config.json in `folder` says.

    Raises CheckpointError naming the file and the field: missing, malformed, or not implemented.
    """
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        raise CheckpointError(
            f"{folder} has no {ADAPTER_CONFIG}.",
            hint="Give the folder of an adapter in PEFT's"
            " layout: adapter_config.json beside adapter_model.safetensors.",
        )
    fields = ConfigFields(path, read_json_object(path, MAX_CONFIG_BYTES))
    kind = fields.text("peft_type", "LORA")
    if kind != "LORA":
        raise refused(path, "peft_type", kind, "LORA alone is implemented")
    check_features(path, fields.values)
    targets = fields.values.get("target_modules")
    given = {
        "r": fields.values.get("r", 8),
        "alpha": fields.values.get("lora_alpha", 8),
        "dropout": fields.values.get("lora_dropout") or 0.0,
        "rslora": fields.flag("use_rslora", False),
        "dora": fields.flag("use_dora", False),
        "targets": tuple(targets) if isinstance(targets, list) else targets,
        "rank_pattern": fields.values.get("rank_pattern") or {},
        "alpha_pattern": fields.values.get("alpha_pattern") or {},
    }
    try:
        lora = LoraConfig(**given)  # type: ignore[arg-type]  # every field is checked by LoraConfig
    except SettingsError as error:
        raise CheckpointError(
            f"{path}: {error.message}",
            hint="Correct the file, or fetch the adapter again.",
            param=error.param,
        ) from error
    return AdapterConfig(
        lora, fields.text("base_model_name_or_path") or "", fields.text("task_type") or ""
    )


def check_features(path: Path, values: Mapping[str, object]) -> None:
    """Raise CheckpointError for the first field that asks for what is not implemented."""
    for name, value in values.items():
        if name in UNDERSTOOD or name in HARMLESS:
            continue
        if name == "init_lora_weights":
            if not isinstance(value, (dict, list)) and value in KEEPS_THE_BASE:
                continue
            raise refused(path, name, value, "the adapter fits a base that it changed")
        if name == "bias" and value == "none":
            continue
        if value is None or value is False or value in ({}, [], ""):
            continue
        raise refused(path, name, value, "that is not implemented")


def refused(path: Path, name: str, value: object, reason: str) -> CheckpointError:
    """The error for a field whose neglect would give wrong answers."""
    return CheckpointError(
        f"{path}: {name} is {repr(value)[:80]}; {reason}.",
        hint=CURES.get(name, MERGE),
        param=name,
    )


def write_adapter_config(
    path: Path,
    *,
    base: str,
    targets: list[str],
    ranks: Mapping[str, int],
    alphas: Mapping[str, float],
    lora: LoraConfig,
    fan_in_fan_out: bool,
) -> None:
    """Write the file for layers with these ranks and alphas, by name. lora: for all the rest.

    The commonest rank and alpha are written once and the others as patterns.
    """
    r = max(ranks.values(), key=list(ranks.values()).count)
    alpha = max(alphas.values(), key=list(alphas.values()).count)
    written = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": r,
        "lora_alpha": _plain(alpha),
        "lora_dropout": lora.dropout,
        "target_modules": targets,
        "rank_pattern": {name: rank for name, rank in ranks.items() if rank != r},
        "alpha_pattern": {name: _plain(a) for name, a in alphas.items() if a != alpha},
        "fan_in_fan_out": fan_in_fan_out,
        "bias": "none",
        "use_rslora": lora.rslora,
        "use_dora": lora.dora,
        "init_lora_weights": True,
        "modules_to_save": None,
    }
    path.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def _plain(number: float) -> float:
    """32.0 as 32: PEFT declares alpha a whole number, and others believe it."""
    return int(number) if number == int(number) else number
