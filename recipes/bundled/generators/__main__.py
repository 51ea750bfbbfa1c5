"""Write generated rows to a file.

python -m recipes.bundled.generators --rows 20000 --seed 1 --to FILE.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from miniclaude.errors import MiniClaudeError
from recipes.bundled.generators.table import GENERATORS, generate


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="recipes.bundled.generators", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="all", help=f"one of {', '.join(GENERATORS)}")
    parser.add_argument("--to", type=Path, required=True, help="JSON Lines file to write")
    options = parser.parse_args(arguments)
    kinds: Counter[str] = Counter()
    try:
        with options.to.open("w", encoding="utf-8") as file:
            for row in generate(options.only, options.rows, options.seed):
                kinds[str(row["kind"])] += 1
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except MiniClaudeError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {options.to} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    for kind, count in sorted(kinds.items()):
        print(f"{kind:24}{count:8,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
