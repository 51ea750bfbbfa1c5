"""The whole pipeline: every row is accounted for, the same bytes whatever happens on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniclaude.data.example import Example, Place, from_row, to_row
from miniclaude.data.pipeline import prepare
from miniclaude.data.recipe import PrepareOptions
from miniclaude.errors import ConflictError, DatasetError
from miniclaude.messages import Message, Tool, ToolCall, text_message
from tests.data.lives import NO_ROOM
from tests.data.rows import different, said, write_rows

FILES = ("train.jsonl", "validation.jsonl", "rejected.jsonl", "report.json", "report.html")
OPTIONS = PrepareOptions(validation=0.2, seed=3)

BAD_ROWS = ('{"messages": []}', "not json", '{"x": 1}', '{"messages": [{"role": "user"}]}', "[1]")


def source(tmp_path: Path, count: int = 60) -> Path:
    """Good rows, bad ones, a duplicate, one of another task."""
    rows: list[object] = [*different(count), *BAD_ROWS, different(1)[0]]
    return write_rows(tmp_path / "my.jsonl", [*rows, Example(Place("x", 1), text="Plain text.")])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_rows_go_somewhere_and_the_report_says_where(tmp_path: Path) -> None:
    dataset = prepare([source(tmp_path)], tmp_path / "sets" / "mine", OPTIONS)
    numbers = dataset.report["accounting"]
    assert isinstance(numbers, dict)
    assert numbers["rows"] == 67
    assert numbers["rejected"] == 7
    parts = ("train", "validation", "rejected", "merged")
    assert numbers["rows"] == sum(numbers[part] for part in parts)
    assert numbers["train"] == dataset.count("train") == len(list(dataset.examples("train")))
    assert dataset.count("validation") == len(list(dataset.examples("validation"))) > 0
    assert dataset.task == "supervised"
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["mine"]


def test_every_rejected_row_is_kept_with_its_place_and_cure(tmp_path: Path) -> None:
    dataset = prepare([source(tmp_path)], tmp_path / "mine", OPTIONS)
    text = (dataset.folder / "rejected.jsonl").read_text(encoding="utf-8")
    rejected = [json.loads(line) for line in text.splitlines()]
    found = {row["line"]: row["error"] for row in rejected}
    assert set(found) == {61, 62, 63, 64, 65, 66, 67}
    assert found[66] == "duplicate_row"
    assert found[67] == "mixed_tasks"
    for row in rejected:
        assert row["file"].endswith("my.jsonl")
        assert row["message"]
        assert row["cure"]
    assert rejected[1]["row"] == "not json"


def test_the_same_again_is_not_done_again(tmp_path: Path) -> None:
    path = source(tmp_path)
    first = prepare([path], tmp_path / "mine", OPTIONS)
    stamp = (first.folder / "train.jsonl").stat().st_mtime_ns
    steps: list[str] = []
    again = prepare([path], tmp_path / "mine", OPTIONS, lambda step, *_: steps.append(step))
    assert again.fingerprint == first.fingerprint
    assert (again.folder / "train.jsonl").stat().st_mtime_ns == stamp
    assert not steps


def test_other_options_or_rows_start_over(tmp_path: Path) -> None:
    path = source(tmp_path)
    first = prepare([path], tmp_path / "mine", OPTIONS).fingerprint
    second = prepare([path], tmp_path / "mine", PrepareOptions(seed=4)).fingerprint
    with path.open("a") as file:
        file.write(json.dumps(to_row(said("A new question?", "A new answer here."))) + "\n")
    third = prepare([path], tmp_path / "mine", PrepareOptions(seed=4))
    assert len({first, second, third.fingerprint}) == 3
    assert third.manifest["rows"]["rows"] == 68  # type: ignore[index]


def test_the_same_bytes_in_any_folder_and_again(tmp_path: Path) -> None:
    path = source(tmp_path)
    one = prepare([path], tmp_path / "a" / "mine", OPTIONS)
    two = prepare([path], tmp_path / "b" / "mine", OPTIONS)
    assert contents(one.folder) == contents(two.folder)


def lives(source: Path, folder: Path, ends: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Prepare in one process after another; see `lives.py`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.data.lives", str(source), str(folder), json.dumps(ends)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_killed_anywhere_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """kill -9 before each flush to disk, a little later in every life, until it is through: never
    a half dataset, no finished step twice, and the bytes of an undisturbed run."""
    path = source(tmp_path)
    wanted = contents(prepare([path], tmp_path / "whole" / "mine", OPTIONS).folder)
    folder = tmp_path / "killed" / "mine"
    ended = lives(path, folder, [{"flushes": count} for count in range(40)])
    assert [life["ended"] for life in ended] == [-signal.SIGKILL] * (len(ended) - 1) + [0]
    assert len(ended) > 6
    for before, after in pairwise(ended[:-1]):
        assert before["steps"] == after["steps"][: len(before["steps"])]
    assert contents(folder) == wanted
    assert [entry.name for entry in folder.parent.iterdir()] == ["mine"]


def test_killed_within_a_step_that_step_is_done_again(tmp_path: Path) -> None:
    path = source(tmp_path, 1_200)
    wanted = contents(prepare([path], tmp_path / "whole" / "mine", OPTIONS).folder)
    folder = tmp_path / "killed" / "mine"
    ended = lives(path, folder, [{"step": step} for step in ("clean", "split", "write")])
    assert [life["ended"] for life in ended] == [-signal.SIGKILL] * 3
    assert [len(life["steps"]) for life in ended] == [0, 1, 3]
    assert not folder.exists()
    steps: list[str] = []
    prepare([path], folder, OPTIONS, lambda step, *_: steps.append(step))
    assert set(steps) == {"write"}, "finished steps were done twice"
    assert contents(folder) == wanted


def test_a_full_disk_is_said_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """The limit on a file's size is how a test fills a disk: writes fail in the same place."""
    path = source(tmp_path, 400)
    folder = tmp_path / "mine"
    [life] = lives(path, folder, [{"bytes": 20_000}])
    assert life["ended"] == NO_ROOM
    assert not folder.exists()
    wanted = contents(prepare([path], tmp_path / "whole" / "mine", OPTIONS).folder)
    prepare([path], folder, OPTIONS)
    assert contents(folder) == wanted


def test_two_processes_give_the_bytes_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of rows go to two processes and must come back in order."""
    rows: list[object] = list(different(1_800))
    rows[700:700] = BAD_ROWS
    path = write_rows(tmp_path / "my.jsonl", rows)
    one = prepare([path], tmp_path / "one" / "mine", OPTIONS, processes=1)
    monkeypatch.setattr("miniclaude.data.clean_processes.LARGE", 1)
    two = prepare([path], tmp_path / "two" / "mine", OPTIONS, processes=2)
    assert contents(one.folder) == contents(two.folder)


def test_rows_of_another_task_than_the_first_ones_are_sorted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are sorted while others are read, for the task that the first ones have."""
    rows: list[object] = list(different(200))
    rows += [{"text": f"{row.messages[1].text} {n}"} for n, row in enumerate(different(900))]
    path = write_rows(tmp_path / "my.jsonl", rows)
    one = prepare([path], tmp_path / "one" / "mine", OPTIONS, processes=1)
    monkeypatch.setattr("miniclaude.data.clean_processes.LARGE", 1)
    two = prepare([path], tmp_path / "two" / "mine", OPTIONS, processes=2)
    assert one.task == two.task == "text"
    assert contents(one.folder) == contents(two.folder)


def test_what_a_dead_helper_has_left_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed for want of memory, it must cost time and not rows."""
    path = write_rows(tmp_path / "my.jsonl", different(1_500))
    one = prepare([path], tmp_path / "one" / "mine", OPTIONS, processes=1)
    monkeypatch.setattr("miniclaude.data.clean_processes.LARGE", 1)
    monkeypatch.setattr("sys.executable", "/bin/false")
    two = prepare([path], tmp_path / "two" / "mine", OPTIONS, processes=2)
    assert contents(one.folder) == contents(two.folder)


rows = st.one_of(
    st.sampled_from(BAD_ROWS),
    st.sampled_from([json.dumps(to_row(example)) for example in different(12)]),
    st.builds(
        lambda asked, answered: json.dumps(to_row(said(asked, answered))),
        st.text("abc 🙂", min_size=1, max_size=12),
        st.text("abc 1\n", min_size=1, max_size=30),
    ),
    st.text(max_size=10),
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(rows, max_size=40), st.sampled_from([0.0, 0.1, 0.5]), st.booleans())
def test_accounts_add_up_for_any_rows(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], validation: float, augment: bool
) -> None:
    """rows in = train + validation + rejected + merged, and the files hold what the numbers say."""
    folder = tmp_path_factory.mktemp("sets")
    path = write_rows(folder / "my.jsonl", lines)
    options = PrepareOptions(format="openai", validation=validation, augment=augment)
    try:
        dataset = prepare([path], folder / "mine", options)
    except DatasetError:
        assert not (folder / "mine").exists()
        return
    numbers: Any = dataset.report["accounting"]
    for name in ("train", "validation", "rejected"):
        written = (dataset.folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        assert len(written) == numbers[name]
        assert all(json.loads(line) for line in written)
    # Blank lines are no rows; everything else that is not a good row is rejected.
    told = sum(numbers[part] for part in ("train", "validation", "rejected", "merged"))
    assert numbers["rows"] == told


TOOL = Tool("add", "adds", {"type": "object", "properties": {}})
EVERY_TASK = {
    "text": [
        Example(Place("x", n), text=f"Line {n}\u2028 of “text”\nand \\ more") for n in range(9)
    ],
    "supervised": [
        *different(20),
        Example(
            Place("x", 1),
            (
                text_message("system", "Be brief."),
                text_message("user", 'What is 2 + 2? "Quoted" \u0000 {json}'),
                Message("assistant", (), (ToolCall("call_1", "add", '{"a": 2}'),)),
                Message("tool", text_message("user", "4").parts, (), "call_1"),
                text_message("assistant", "Four, I would say, is the answer."),
            ),
            tools=(TOOL,),
            unlearned=frozenset({2}),
            kind="tools",
        ),
    ],
    "preference": [
        Example(
            row.place,
            row.messages[:1],
            chosen=row.messages[1:],
            rejected=(text_message("assistant", f"I would rather not say, {n} times."),),
        )
        for n, row in enumerate(different(12))
    ],
    "kto": [
        Example(row.place, row.messages, desirable=n % 2 == 0)
        for n, row in enumerate(different(12))
    ],
}


@pytest.mark.parametrize("task", list(EVERY_TASK))
def test_formatting_creates_valid_json(tmp_path: Path, task: str) -> None:
    """What is written is what training reads: each line of each file is one JSON object, and reads
    back as the example that went in, for every task."""
    path = write_rows(tmp_path / "my.jsonl", [*EVERY_TASK[task], "{"])
    options = PrepareOptions(augment=False, validation=0.3)
    dataset = prepare([path], tmp_path / "mine", options)
    assert dataset.task == task
    written: list[dict[str, object]] = []
    for name in ("train", "validation", "rejected"):
        data = (dataset.folder / f"{name}.jsonl").read_bytes()
        assert data.endswith(b"\n") or not data
        for line in data.splitlines():
            row = json.loads(line, parse_constant=pytest.fail)
            assert isinstance(row, dict)
            if name != "rejected":
                written.append(row)
                assert to_row(from_row(row, Place("x", 1))) == row
    read = [*dataset.examples("train"), *dataset.examples("validation")]
    assert [to_row(example) for example in read] == written
    cleaned = {json.dumps(row, sort_keys=True).replace("\\u0000", "") for row in written}
    for example in EVERY_TASK[task][1:-1]:
        assert json.dumps(to_row(example), sort_keys=True) in cleaned or task == "text"
    rejected = (dataset.folder / "rejected.jsonl").read_bytes().splitlines()
    assert len(written) + len(rejected) == len(EVERY_TASK[task]) + 1


def test_validation_rows_are_never_augmented(tmp_path: Path) -> None:
    """What is held out must be what the user wrote."""
    path = write_rows(tmp_path / "my.jsonl", different(80))
    dataset = prepare([path], tmp_path / "mine", OPTIONS)
    given = {row.messages for row in different(80)}
    assert all(row.messages in given for row in dataset.examples("validation"))
    assert dataset.report["augmentation"]["applied"]  # type: ignore[index]


def test_nothing_left_names_the_first_rows_and_their_cure(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "my.jsonl", BAD_ROWS)
    with pytest.raises(DatasetError, match="none of the 5 rows can be trained on") as caught:
        prepare([path], tmp_path / "mine", OPTIONS)
    assert "my.jsonl, line 1: missing_messages_list: " in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "mine").exists()


def test_no_source_a_missing_one_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no source"):
        prepare([], tmp_path / "mine")
    with pytest.raises(DatasetError, match=r"nowhere\.jsonl"):
        prepare([tmp_path / "nowhere.jsonl"], tmp_path / "mine")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DatasetError, match=r"empty\.jsonl"):
        prepare([tmp_path / "empty.jsonl"], tmp_path / "mine")


def test_a_source_that_changes_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    """Half of the old file and half of the new one would be neither."""
    path = source(tmp_path)

    def tell(step: str, done: int, total: int | None) -> None:
        if step == "clean":
            with path.open("a") as file:
                file.write("\n")

    with pytest.raises(DatasetError, match="was changed while it was read"):
        prepare([path], tmp_path / "mine", OPTIONS, tell)
    assert prepare([path], tmp_path / "mine", OPTIONS).count("train")


def test_several_sources_are_one_dataset(tmp_path: Path) -> None:
    first = write_rows(tmp_path / "a.jsonl", different(10))
    second = write_rows(tmp_path / "b.jsonl", different(30)[10:])
    dataset = prepare([first, second], tmp_path / "mine", PrepareOptions(augment=False))
    assert dataset.manifest["rows"]["rows"] == 30  # type: ignore[index]
    assert dataset.sources == [str(first), str(second)]


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    path = source(tmp_path)

    def tell(step: str, done: int, total: int | None) -> None:
        with pytest.raises(ConflictError, match="is being prepared by another process"):
            prepare([path], tmp_path / "mine", OPTIONS)

    prepare([path], tmp_path / "mine", OPTIONS, tell)
