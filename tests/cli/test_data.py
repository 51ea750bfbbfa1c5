"""`mini-claude data`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.data.reading import read_examples
from tests.cli.command import Terminal, run
from tests.cli.test_chat import configure
from tests.data.rows import different, write_rows
from tests.providers.stand_in import running_stand_in
from tests.tiny_adapter import write_tiny_adapter


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows: list[object] = [*different(30), "not json", '{"messages": []}']
    return write_rows(tmp_path / "My rows.jsonl", rows)


def test_the_whole_life_of_a_dataset(home: Path, source: Path, tmp_path: Path) -> None:
    """One test, since each command is a process: prepare, list, show, preview, export, remove."""
    done = run(home, "data", "prepare", str(source))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.startswith("My-rows: ")
    assert "of 32 read." in said
    assert "Left out: 2" in said
    assert "My rows.jsonl, line 31: " in said
    assert "missing_messages_list" in said
    assert "→ " in said
    assert "Tier: first try." in said
    assert "report.html" in said
    assert "Teach a model with it:  mini-claude finetune --data My-rows" in said
    assert (home / "datasets" / "My-rows" / "manifest.json").is_file()

    assert "My-rows" in run(home, "data", "list").stdout
    [listed] = json.loads(run(home, "data", "list", "--json").stdout)
    assert listed["sources"] == [str(source)]

    report = json.loads(run(home, "data", "show", "My-rows", "--json").stdout)
    assert report["accounting"]["rejected"] == 2

    preview = run(home, "data", "preview", "My-rows", "--row", "2", "--model", "tiny")
    assert "tokens" in preview.stdout
    assert "⟦" in preview.stdout

    out = tmp_path / "out.jsonl"
    done = run(home, "data", "export", "My-rows", str(out), "--format", "sharegpt")
    kept = report["accounting"]["train"] + report["accounting"]["validation"]
    assert f"{kept} rows are in" in done.stdout
    assert len(list(read_examples(out))) == kept

    assert run(home, "data", "remove", "My-rows", said="n\n").returncode == 1
    assert "is gone" in run(home, "data", "remove", "My-rows", "--yes").stdout
    assert "No datasets yet" in run(home, "data", "list").stdout


def test_other_rows_do_not_replace_a_dataset_by_a_slip(
    home: Path, source: Path, tmp_path: Path
) -> None:
    run(home, "data", "prepare", str(source), "--name", "mine")
    other = write_rows(tmp_path / "other.jsonl", different(40))
    done = run(home, "data", "prepare", str(other), "--name", "mine")
    assert done.returncode == 1
    assert "There is a dataset 'mine' already" in done.stderr
    assert (
        "of 40 read."
        in run(home, "data", "prepare", str(other), "--name", "mine", "--replace").stdout
    )


def test_check_keeps_nothing_and_draws_its_page(home: Path, source: Path, tmp_path: Path) -> None:
    done = run(home, "data", "check", str(source), "--page", str(tmp_path / "page.html"))
    assert "Left out: 2" in done.stdout
    assert f"mini-claude data prepare '{source}'" in done.stdout
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert not (home / "datasets").exists()


def test_preview_as_json_and_of_a_bad_row(home: Path, source: Path) -> None:
    done = run(home, "data", "preview", str(source), "--model", "tiny", "--json")
    [part] = json.loads(done.stdout)["parts"]
    assert 0 < part["learnt"] < part["count"]
    done = run(home, "data", "preview", str(source), "--row", "32", "--model", "tiny")
    assert done.returncode == 1
    assert "line 32 is left out: missing_messages_list" in done.stderr
    done = run(home, "data", "preview", str(source), "--row", "99", "--model", "tiny")
    assert "has fewer than 99 rows" in done.stderr


def test_preview_by_a_taught_model_reads_as_its_base(home: Path, source: Path) -> None:
    """Taught models were not found at all, and an adapter has no tokenizer but its base's."""
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    taught = run(home, "data", "preview", str(source), "--model", name, "--json")
    assert taught.returncode == 0, taught.stderr
    base = run(home, "data", "preview", str(source), "--model", "tiny", "--json")
    assert taught.stdout == base.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["prepare", "nowhere.jsonl"], "nowhere.jsonl"),
        (["prepare", "x", "--name", "../up"], "'../up' is not a dataset's name"),
        (["prepare", "x", "--validation", "2"], "validation: 2.0 is not a share"),
        (["prepare", "x", "--columns", "a"], "is not of the form column=name"),
        (["show", "nothing"], "There is no dataset 'nothing'"),
        (["remove", "nothing", "--yes"], "There is no dataset 'nothing'"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(
    home: Path, arguments: list[str], says: str
) -> None:
    done = run(home, "data", *arguments)
    assert done.returncode != 0
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_a_hostile_file_cannot_steer_the_terminal(home: Path, tmp_path: Path) -> None:
    evil = json.dumps({"messages": [{"role": "\x1b[2Jboss", "content": "x"}]})
    path = write_rows(tmp_path / "evil.jsonl", [*different(5), evil])
    done = run(home, "data", "prepare", str(path))
    assert "\x1b" not in done.stdout
    assert "unrecognized_role" in done.stdout


def test_progress_is_shown_at_a_terminal_only(home: Path, source: Path) -> None:
    with Terminal(home, "data", "prepare", str(source)) as terminal:
        terminal.wait_for("Measuring and writing")
        terminal.wait_for("mini-claude finetune")
        assert terminal.wait() == 0


@pytest.mark.anyio
async def test_synthesize_says_the_cost_first(home: Path, tmp_path: Path) -> None:
    """Nothing may be paid for before somebody said yes."""
    import asyncio

    seeds = write_rows(tmp_path / "seeds.jsonl", different(4))
    async with running_stand_in("openai") as service:
        configure(home, service)
        service.hold = False
        command = ["data", "synthesize", str(seeds), "--model", "slow/big", "--count", "3"]
        command += ["--out", str(tmp_path / "new.jsonl"), "--price", "3/15"]
        done = await asyncio.to_thread(run, home, *command, said="n\n")
        assert done.returncode == 1
        assert "About 1 requests" in done.stdout
        assert "at the very most about $" in done.stdout
        assert not [asked for asked in service.asked if "completions" in asked.path]
        service.status, service.error = 401, {"error": {"message": "no"}}
        done = await asyncio.to_thread(run, home, *command, "--yes")
        assert done.returncode == 1
        assert "the service refuses our key" in done.stderr
        assert "the same command goes on from there" in done.stderr


@pytest.mark.anyio
async def test_a_model_puts_requests_in_other_words(home: Path, source: Path) -> None:
    """Asked for and not done, it would be a silent promise; the model must be asked, and one that
    answers nonsense must change no row."""
    import asyncio

    async with running_stand_in("openai") as service:
        configure(home, service)
        service.hold = False
        command = ["data", "prepare", str(source), "--paraphrase-with", "slow/big"]
        done = await asyncio.to_thread(run, home, *command)
        assert done.returncode == 0, done.stderr
        asked = [one for one in service.asked if "completions" in one.path]
        assert "in other words" in str(asked[0].body)
    done = await asyncio.to_thread(run, home, *command[:-1], "nobody/there", "--name", "other")
    assert done.returncode == 1
    assert "nobody/there" in done.stderr
