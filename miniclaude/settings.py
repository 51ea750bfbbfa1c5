"""Settings: the only reader of the environment and of `config.toml`.

Command-line options win over the environment (`MINI_CLAUDE_PORT=…`), which wins over
`config.toml` in the home folder, which wins over the defaults here. Other rooms are handed values.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StringConstraints,
    ValidationError,
)

from miniclaude.engine.limits import EngineLimits
from miniclaude.errors import SettingsError

PREFIX = "MINI_CLAUDE_"
CONFIG_FILE = "config.toml"
DEFAULT_HOME = "~/.mini-claude"
TABLES = frozenset({"engine", "keys", "providers"})
"""Settings that only config.toml can hold."""

KEY_VARIABLES = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
"""The variables the services themselves document, by the provider they configure."""


def _split(value: object) -> object:
    """`a, b` in the environment is the list that config.toml writes `["a", "b"]`."""
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
ApiKey = Annotated[SecretStr, Field(min_length=8, max_length=512)]
ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Vision = (
    StrictBool
    | Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=256)], ...],
        Field(max_length=1000),
    ]
)
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+$", max_length=2048)]


class Table(BaseModel):
    """A table of config.toml: no key is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProviderSettings(Table):
    """`[providers.NAME]`. kind: the entry point that makes it, NAME itself when left out. vision:
    whether its models take pictures, or the names of those that do; left out, the kind says."""

    kind: str | None = None
    base_url: HttpUrl | None = None
    api_key: SecretStr | None = None
    vision: Vision | None = None

    def options(self) -> dict[str, object]:
        """What the provider's factory is given."""
        key = None if self.api_key is None else self.api_key.get_secret_value()
        options = {
            "kind": self.kind,
            "base_url": self.base_url,
            "api_key": key,
            "vision": self.vision,
        }
        return {name: value for name, value in options.items() if value is not None}


class EngineSettings(Table):
    """`[engine]`: how much each local model takes on at once; see `EngineLimits`."""

    block_tokens: int | None = None
    step_tokens: int | None = None
    kv_tokens: int | None = None
    kv_dtype: Literal["auto", "int8"] | None = None
    prefix_tokens: int | None = None
    draft_tokens: int | None = None
    max_running: int | None = None
    max_adapters: int | None = None
    adapter_bytes: int | None = None
    max_queued_tokens: int | None = None
    max_wait_seconds: int | None = None

    def limits(self) -> EngineLimits:
        """The limits, with the engine's own defaults for what is not set. Raises SettingsError."""
        return EngineLimits(**self.model_dump(exclude_none=True))


class KeyLimits(Table):
    """How much one caller may ask models for; None is without limit."""

    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    tokens_per_day: Annotated[int, Field(ge=1, le=1_000_000_000_000)] | None = None


class KeySettings(KeyLimits):
    """`[keys.NAME]`: a key that may ask models, and nothing else."""

    key: ApiKey


class ServerSettings(KeyLimits):
    """Everything that can be set.

    host, port: where the server listens; beyond loopback it needs an api_key. allowed_hosts:
    names it answers to, beside `host` and the loopback names. allowed_origins: other sites
    whose pages may call it. database_url: the SQLite file in the home folder unless given.
    device, dtype, threads: where and how local models run. model: the default model.
    draft: a smaller one that guesses for it.
    max_loaded_models: local models kept in memory at once. max_body_bytes: of one request.
    max_file_bytes: of one upload. max_running_jobs: models fine-tuned at once. max_answers: in
    the making at once. answer_cache_bytes: what answers to repeated requests may take; 0 keeps
    none. shutdown_seconds: how long open connections may take to end when the server stops.
    theme, language: the page's, where a browser has not chosen its own. keys: others that may ask
    models. The limits are those of every key that has none of its own.
    """

    home: Path
    host: Annotated[str, StringConstraints(min_length=1, max_length=253)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8642
    api_key: ApiKey | None = None
    allowed_hosts: Names = ()
    allowed_origins: Names = ()
    database_url: str = Field(default="", repr=False)
    device: Annotated[str, StringConstraints(pattern=r"^[a-z]+(:[0-9]+)?$")] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "float8", "int8", "int4"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    draft: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    max_loaded_models: Annotated[int, Field(ge=1, le=64)] = 2
    max_body_bytes: Annotated[int, Field(ge=1024, le=1_000_000_000)] = 10_000_000
    max_file_bytes: Annotated[int, Field(ge=1024, le=100_000_000_000)] = 512_000_000
    max_running_jobs: Annotated[int, Field(ge=1, le=64)] = 1
    max_answers: Annotated[int, Field(ge=1, le=100_000)] = 256
    answer_cache_bytes: Annotated[int, Field(ge=0, le=100_000_000_000)] = 64_000_000
    shutdown_seconds: Annotated[int, Field(ge=1, le=600)] = 5
    theme: Literal["system", "light", "dark"] = "system"
    language: Literal["browser", "en", "de"] = "browser"
    hf_endpoint: HttpUrl = "https://huggingface.co"
    hf_token: SecretStr | None = None
    engine: EngineSettings = EngineSettings()
    keys: dict[ProviderName, KeySettings] = Field(default_factory=dict, max_length=1000)
    providers: dict[ProviderName, ProviderSettings] = Field(default_factory=dict)

    def limits_of(self, name: str | None = None) -> KeyLimits:
        """The limits of the key called `name`, or of `api_key`."""
        own = {} if name is None else self.keys[name].model_dump(exclude_none=True)
        fields = {field: own.get(field, getattr(self, field)) for field in KeyLimits.model_fields}
        return KeyLimits.model_validate(fields)

    @property
    def models_folder(self) -> Path:
        """Where pulled models live."""
        return self.home / "models"

    @property
    def adapters_folder(self) -> Path:
        """Where tuned models live."""
        return self.home / "adapters"

    @property
    def datasets_folder(self) -> Path:
        """Where prepared and uploaded training data live."""
        return self.home / "datasets"

    @property
    def jobs_folder(self) -> Path:
        """Where fine-tuning jobs work."""
        return self.home / "jobs"

    @property
    def files_folder(self) -> Path:
        """Where uploaded files are kept, each under its id."""
        return self.home / "files"

    @property
    def exports_folder(self) -> Path:
        """Where the page exports models to."""
        return self.home / "exports"

    @property
    def url(self) -> str:
        """Where the server answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load_settings(home: Path | None = None, **overrides: object) -> ServerSettings:
    """Settings from all four places. An override of None counts as not given.

    Raises SettingsError naming the option, variable or key at fault, and the file and line of a
    config.toml that is not TOML.
    """
    environment = os.environ
    folder = home or Path(environment.get(f"{PREFIX}HOME") or DEFAULT_HOME)
    try:
        folder = folder.expanduser().absolute()
    except RuntimeError as error:
        raise SettingsError(
            f"home: {folder} cannot be resolved: {error}.", hint="Give --home a folder."
        ) from None
    given = {key: value for key, value in overrides.items() if value is not None}
    _require_known(given, "the command line", _known())
    variables = _from_environment(environment)
    file = folder / CONFIG_FILE
    values = {**_from_file(file), **variables, **given, "home": folder}
    try:
        settings = ServerSettings.model_validate(values)
    except ValidationError as error:
        raise _bad_value(error, given, variables, file) from None
    settings = _with_keys(settings, environment)
    if not settings.database_url:
        url = f"sqlite+aiosqlite:///{folder / 'mini-claude.db'}"
        settings = settings.model_copy(update={"database_url": url})
    settings.engine.limits()
    _require_keys_apart(settings)
    _require_key_beyond_loopback(settings)
    return settings


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Set and not empty: an empty variable is the shell's way of saying nothing."""
    names = {key: f"{PREFIX}{key.upper()}" for key in _known() - {"hf_endpoint", "hf_token"}}
    names |= {"hf_endpoint": "HF_ENDPOINT", "hf_token": "HF_TOKEN"}
    return {key: environment[name] for key, name in names.items() if environment.get(name)}


def _known() -> set[str]:
    """Keys that a file, a variable or an option may set; the home decides where the file is."""
    return set(ServerSettings.model_fields) - {"home", *TABLES}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        raise SettingsError(
            f"home: {file.parent} is not a folder.", hint="Give --home a folder.", param="home"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{file} cannot be read: {error}.", hint="It must be a UTF-8 text file."
        ) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f"{file} is not TOML: {error}.", hint="Correct that line, or remove the file."
        ) from None
    _require_known(values, str(file), _known() | TABLES)
    for name, known, table in _tables(values):
        if isinstance(table, dict):
            _require_known(table, f"[{name}] of {file}", known)
    return values


def _tables(values: Mapping[str, Any]) -> Iterator[tuple[str, set[str], object]]:
    """Tables of config.toml: name, keys that may be in it, and what is."""
    yield "engine", set(EngineSettings.model_fields), values.get("engine")
    several: tuple[tuple[str, type[Table]], ...] = (
        ("keys", KeySettings),
        ("providers", ProviderSettings),
    )
    for kind, model in several:
        tables = values.get(kind)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            yield f"{kind}.{name}", set(model.model_fields), table


def _require_known(values: Mapping[str, object], where: str, known: set[str]) -> None:
    """Raises SettingsError naming the first key that is not known, and the nearest one that is."""
    expected = sorted(known)
    for key in values:
        if key not in expected:
            near = difflib.get_close_matches(key, expected, n=1)
            raise SettingsError(
                f"{where}: there is no setting {key!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(expected)}.",
                param=key,
            )


def _bad_value(
    error: ValidationError, given: Mapping[str, object], variables: Mapping[str, object], file: Path
) -> SettingsError:
    """Says where the value came from. The value itself may be a secret, so it is not shown."""
    detail = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(step) for step in detail["loc"] if step != "[key]")
    key = str(detail["loc"][0])
    if key in given:
        where = f"--{key.replace('_', '-')}"
    elif key in variables:
        where = key.upper() if key.startswith("hf_") else f"{PREFIX}{key.upper()}"
    else:
        where = f"{path} in {file}"
    return SettingsError(
        f"{where}: {detail['msg'].removeprefix('Input ')}.", hint="Correct it.", param=path
    )


def _with_keys(settings: ServerSettings, environment: Mapping[str, str]) -> ServerSettings:
    """Add the providers whose keys are in the environment.

    A key goes to its own service alone: a provider with another `base_url` is not given it.
    """
    providers = dict(settings.providers)
    for name, variable in KEY_VARIABLES.items():
        key = environment.get(variable)
        provider = providers.get(name, ProviderSettings())
        if key and provider.api_key is None and provider.base_url is None and not provider.kind:
            providers[name] = provider.model_copy(update={"api_key": SecretStr(key)})
    return settings.model_copy(update={"providers": providers})


def _require_keys_apart(settings: ServerSettings) -> None:
    """Whose a key is must never depend on which one is looked at first, and what is kept of the
    owner's texts is the owner's alone."""
    if "owner" in settings.keys:
        raise SettingsError(
            "keys.owner: this is the name of whoever has the api_key.",
            hint="Give the key another name.",
            param="keys.owner",
        )
    owners = {} if settings.api_key is None else {settings.api_key.get_secret_value(): "api_key"}
    for name, entry in settings.keys.items():
        mine = f"keys.{name}"
        other = owners.setdefault(entry.key.get_secret_value(), mine)
        if other != mine:
            raise SettingsError(
                f"{mine}.key is the same as {other}.",
                hint="Give every key a long random text of its own.",
                param=f"{mine}.key",
            )


def _require_key_beyond_loopback(settings: ServerSettings) -> None:
    if not settings.is_loopback and settings.api_key is None:
        raise SettingsError(
            f"host: {settings.host} can be reached from other machines, and there is no api_key.",
            hint=f"Set {PREFIX}API_KEY to a long random text, or listen on 127.0.0.1.",
            param="api_key",
        )
