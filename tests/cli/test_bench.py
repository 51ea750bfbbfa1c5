"""`mini-claude bench`: what a local model does on this machine, in figures."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import run

SHORT = ("--prompt", "20", "--answer", "4", "--streams", "3", "--repeats", "1", "--threads", "1")


def test_the_bundled_model(home: Path) -> None:
    done = run(home, "bench", *SHORT)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.startswith(
        "mini-claude-11m in float32 on cpu, 1 threads: 20 tokens read, 4 written"
    )
    assert [row.split("  ")[1].strip() for row in rows] == [
        "loaded in, s",
        "first token of the prompt, ms",
        "one answer, tokens/s",
        "all streams, tokens/s",
        "most memory, MB",
    ]


def test_for_programs(home: Path) -> None:
    done = run(home, "bench", "mini-claude-11m", "--dtype", "bfloat16", "--json", *SHORT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["dtype"], told["streams"]) == ("mini-claude-11m", "bfloat16", 3)
    for figure in ("first_token_ms", "alone_tokens_s", "streams_tokens_s", "memory_mb"):
        assert told[figure] > 0


def test_more_than_the_context(home: Path) -> None:
    done = run(home, "bench", "--prompt", "500", "--answer", "100")
    assert done.returncode == 1
    assert "500 tokens to read and 100 to write exceed the 512 tokens of" in done.stderr
    assert "--prompt or --answer" in done.stderr


def test_a_model_that_is_not_there(home: Path) -> None:
    done = run(home, "bench", "nobody/nothing")
    assert done.returncode == 1
    assert "nobody/nothing" in done.stderr
