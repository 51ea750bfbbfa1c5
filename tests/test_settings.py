"""Settings: who wins, and errors that say where the mistake is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from miniclaude.errors import SettingsError
from miniclaude.settings import ServerSettings, load_settings


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set on the developer's machine must not decide a test."""

    for name in list(os.environ):
        if name.startswith(("MINI_CLAUDE_", "HF_", "ANTHROPIC_", "OPENAI_")):
            monkeypatch.delenv(name)


def write(home: Path, text: str) -> None:
    (home / "config.toml").write_text(text)


def problem(home: Path, **overrides: object) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(home, **overrides)
    return str(error.value)


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "new")
    assert (settings.host, settings.port) == ("127.0.0.1", 8642)
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path / 'new' / 'mini-claude.db'}"
    assert settings.models_folder == tmp_path / "new" / "models"
    assert settings.url == "http://127.0.0.1:8642"
    assert not (tmp_path / "new").exists(), "reading settings must not make anything"


def test_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().home == tmp_path / ".mini-claude"
    monkeypatch.setenv("MINI_CLAUDE_HOME", str(tmp_path / "env"))
    assert load_settings().home == tmp_path / "env"
    assert load_settings(tmp_path / "cli").home == tmp_path / "cli"


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    """Not reported as a config.toml that is no text."""
    (tmp_path / "file").write_text("hello")
    with pytest.raises(SettingsError, match=r"file is not a folder\. Give --home a folder"):
        load_settings(tmp_path / "file")


def test_options_beat_the_environment_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'port = 1001\nmodel = "file"\ndevice = "cuda:1"\nallowed_hosts = ["a", "b"]\n')
    assert load_settings(tmp_path).port == 1001
    monkeypatch.setenv("MINI_CLAUDE_PORT", "1002")
    monkeypatch.setenv("MINI_CLAUDE_MODEL", "env")
    monkeypatch.setenv("MINI_CLAUDE_DEVICE", "")
    settings = load_settings(tmp_path, port=1003, model=None)
    assert (settings.port, settings.model, settings.device) == (1003, "env", "cuda:1")
    assert settings.allowed_hosts == ("a", "b")
    monkeypatch.setenv("MINI_CLAUDE_ALLOWED_HOSTS", "c, d,")
    assert load_settings(tmp_path).allowed_hosts == ("c", "d")


def test_database_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINI_CLAUDE_DATABASE_URL", "postgresql://me:secret@db/chat")
    settings = load_settings(tmp_path)
    assert settings.database_url == "postgresql://me:secret@db/chat"
    assert "secret" not in repr(settings)


def test_an_unknown_key_is_named_with_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, "prot = 80\n")
    message = problem(tmp_path)
    assert "there is no setting 'prot'" in message
    assert str(tmp_path / "config.toml") in message
    assert "Did you mean 'port'?" in message
    write(tmp_path, '[providers.groq]\nbase-url = "https://x"\n')
    message = problem(tmp_path)
    assert "[providers.groq] of" in message
    assert "Did you mean 'base_url'?" in message
    write(tmp_path, "[engine]\nmax_runing = 3\n")
    assert "Did you mean 'max_running'?" in problem(tmp_path)
    write(tmp_path, 'home = "/elsewhere"\n')
    assert "no setting 'home'" in problem(tmp_path)
    write(tmp_path, "")
    assert "Did you mean 'threads'?" in problem(tmp_path, thread=2)


def test_a_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    write(tmp_path, "port = 1\nhost = oops\n")
    message = problem(tmp_path)
    assert "config.toml is not TOML" in message
    assert "line 2" in message
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in problem(tmp_path)


def test_a_wrong_value_names_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'port = "many"\n')
    assert f"port in {tmp_path / 'config.toml'}: should be a valid integer" in problem(tmp_path)
    monkeypatch.setenv("MINI_CLAUDE_PORT", "70000")
    assert "MINI_CLAUDE_PORT: should be less than or equal to 65535" in problem(tmp_path)
    assert "--max-loaded-models" in problem(tmp_path, port=1, max_loaded_models=0)
    monkeypatch.setenv("MINI_CLAUDE_API_KEY", "hushhus")
    message = problem(tmp_path, port=1)
    assert "MINI_CLAUDE_API_KEY" in message
    assert "hushhus" not in message, "an error is no place for a secret"
    monkeypatch.delenv("MINI_CLAUDE_API_KEY")
    monkeypatch.setenv("HF_ENDPOINT", "ftp://mirror")
    assert "HF_ENDPOINT" in problem(tmp_path, port=1)
    monkeypatch.delenv("HF_ENDPOINT")
    write(tmp_path, "providers = 3\n")
    assert "providers" in problem(tmp_path, port=1)
    write(tmp_path, "providers.x = 3\n")
    assert "providers.x" in problem(tmp_path, port=1)
    write(tmp_path, "[engine]\nmax_running = 0\n")
    assert "max_running" in problem(tmp_path, port=1)


EVERYWHERE = "0.0.0.0"  # noqa: S104  # the very address that must be refused


@pytest.mark.parametrize("host", [EVERYWHERE, "192.168.1.5", "::", "house.lan", "8.8.8.8"])
def test_beyond_loopback_a_key_is_needed(tmp_path: Path, host: str) -> None:
    message = problem(tmp_path, host=host)
    assert "there is no api_key" in message
    assert "MINI_CLAUDE_API_KEY" in message
    settings = load_settings(tmp_path, host=host, api_key="long enough")
    assert settings.host == host
    assert not settings.is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "::1"])
def test_on_loopback_none_is(tmp_path: Path, host: str) -> None:
    assert load_settings(tmp_path, host=host).is_loopback


def test_ipv6_urls_have_brackets(tmp_path: Path) -> None:
    assert load_settings(tmp_path, host="::1", port=5).url == "http://[::1]:5"


def key_of(settings: ServerSettings, name: str) -> object:
    return settings.providers[name].options().get("api_key")


def test_provider_keys_from_the_services_own_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    write(tmp_path, '[providers.openai]\nbase_url = "https://proxy.example/v1"\n')
    settings = load_settings(tmp_path)
    assert key_of(settings, "anthropic") == "sk-ant-secret"
    assert key_of(settings, "openai") is None, "a key goes to its own service alone"
    assert "secret" not in repr(settings)
    write(tmp_path, '[providers.anthropic]\napi_key = "mine"\n')
    assert key_of(load_settings(tmp_path), "anthropic") == "mine"


def test_a_provider_by_its_table(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[providers.groq]\nkind = "openai"\nbase_url = "https://g.example/v1"\napi_key = "k"\n',
    )
    assert load_settings(tmp_path).providers["groq"].options() == {
        "kind": "openai",
        "base_url": "https://g.example/v1",
        "api_key": "k",
    }


def test_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(tmp_path).hf_endpoint == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.lan")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    settings = load_settings(tmp_path)
    assert settings.hf_endpoint == "http://mirror.lan"
    assert settings.hf_token is not None
    assert "hf_secret" not in repr(settings)


def test_engine_limits(tmp_path: Path) -> None:
    write(tmp_path, "[engine]\nmax_running = 3\nkv_tokens = 4096\n")
    limits = load_settings(tmp_path).engine.limits()
    assert (limits.max_running, limits.kv_tokens, limits.block_tokens) == (3, 4096, 16)


def test_keys_and_their_limits(tmp_path: Path) -> None:
    write(
        tmp_path,
        "requests_per_minute = 5\n[keys.alice]\nkey = 'alice-s-key'\ntokens_per_day = 7\n"
        "requests_per_minute = 9\n[keys.bob]\nkey = 'bob-s-key'\n",
    )
    settings = load_settings(tmp_path)
    assert settings.limits_of("alice").model_dump() == {
        "requests_per_minute": 9,
        "tokens_per_minute": None,
        "tokens_per_day": 7,
    }
    assert settings.limits_of("bob") == settings.limits_of()
    assert settings.limits_of().requests_per_minute == 5
    assert "alice-s-key" not in repr(settings)


def test_keys_that_cannot_be_told_apart(tmp_path: Path) -> None:
    """One of the two callers would be taken for the other."""
    write(tmp_path, "[keys.a]\nkey = 'the-same-key'\n[keys.b]\nkey = 'the-same-key'\n")
    assert "keys.b.key is the same as keys.a." in problem(tmp_path)
    write(tmp_path, "api_key = 'the-same-key'\n[keys.a]\nkey = 'the-same-key'\n")
    assert "keys.a.key is the same as api_key." in problem(tmp_path)
    write(tmp_path, "[keys.owner]\nkey = 'another-key'\n")
    assert "keys.owner: this is the name of whoever has the api_key." in problem(tmp_path)
    write(tmp_path, "[keys.a]\nkeys = 'x'\n")
    assert "Did you mean 'key'?" in problem(tmp_path)
    write(tmp_path, "[keys.a]\nkey = 'short'\n")
    assert "keys.a.key in" in problem(tmp_path)


def test_a_provider_says_which_of_its_models_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a key from the environment too."""
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    write(
        tmp_path, '[providers.openai]\nvision = ["a", "b"]\n[providers.anthropic]\nvision = false'
    )
    providers = load_settings(tmp_path).providers
    assert providers["openai"].options() == {
        "api_key": "from-the-environment",
        "vision": ("a", "b"),
    }
    assert providers["anthropic"].options() == {"vision": False}
    write(tmp_path, '[providers.openai]\nvision = "yes"\n')
    assert "providers.openai.vision" in problem(tmp_path)


def test_the_page_s_languages_are_the_page_s(tmp_path: Path) -> None:
    """Two lists, in two languages of programs: who adds to one is told of the other."""
    source = Path(__file__).parents[1] / "web" / "src" / "ui" / "i18n.ts"
    [listed] = re.findall(r"LANGUAGES = \{([^}]*)\}", source.read_text("utf-8"))
    for name in ("browser", *re.findall(r"(\w+):", listed)):
        write(tmp_path, f'language = "{name}"\n')
        assert load_settings(tmp_path).language == name
    write(tmp_path, 'language = "fr"\ntheme = "dark"\n')
    assert f"language in {tmp_path / 'config.toml'}: should be 'browser', 'en' or 'de'" in problem(
        tmp_path
    )
