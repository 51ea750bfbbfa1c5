"""The search for near-duplicates against datasketch, and the whole pipeline against that search.

    python benchmarks/duplicates.py DATA [--rows N] [--repeats N] [--values N]

DATA is a folder of real data sets (see `SOURCES`); what it lacks is left out. Rows are taken from
them in turn, 50,000 by default; every tenth is an earlier row again, with a few words changed or
only its case. Both searches get the same texts and must find the rows of which an earlier one has a
Jaccard similarity of 0.9 by three-word shingles, exactly compared; both make 64 MinHash values a
row (permutations, in datasketch's words; `--values` gives it others) and cut them into 10 bands of
6. datasketch runs twice: a MinHash a row by `update_batch`, as its documentation shows, and by
`MinHash.bulk`, the fastest way it has.

Each side runs in a process of its own; they take turns, `--repeats` times, and the best counts, for
on a shared machine only minima repeat. Ours shares the work between two threads, datasketch has no
such way; `cpu` is the processor time of all threads. Both searches are run on a hundred rows first,
so that imports and compiled loops are not counted; of the whole pipeline they are.

    rows/s          of each search, from texts to the list of duplicates
    recall          of each, against an exact join over all pairs (prefix filtering)
    whole rows/s    of `prepare` in two processes, from a JSONL file to the finished dataset, all
                    stages and files
    microseconds    of processor time a row, in one process: of the steps of the pipeline, and of
                    each of its stages where it is given every row as an example

The last line is JSON; each ratio is above 1 where ours is better.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from miniclaude.data.clean import Cleaning
from miniclaude.data.clean_processes import clean_rows
from miniclaude.data.clean_rows import BLOCK
from miniclaude.data.duplicates import CHUNK_ROWS, NearDuplicates
from miniclaude.data.example import Example, Place
from miniclaude.data.formats import read_document
from miniclaude.data.item_lines import item_line, row_line
from miniclaude.data.personal_data import PersonalData
from miniclaude.data.pipeline import prepare
from miniclaude.data.raw import Share
from miniclaude.data.reading import read_examples, read_share
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item
from miniclaude.data.rows import read_rows
from miniclaude.data.safety import Safety
from miniclaude.data.shingles import WORDS, byte_words, compared, jaccard
from miniclaude.data.similar import SimilarRows, choose_bands, sketch, sketched_ahead
from miniclaude.data.sort_rows import sort_rows
from miniclaude.data.split import split
from miniclaude.messages import text_message

SOURCES = {
    "self-dialogue/self_dialogue.jsonl.gz": "turns",
    "t0-p3-short/t0_p3_short_alpaca.jsonl.gz": "alpaca",
    "sgd/sgd_train.jsonl.gz": "turns",
    "gsm8k-train/gsm8k_train.jsonl.gz": "question-answer",
    "dolly-6k/dolly_6k_alpaca.jsonl.gz": "alpaca",
    "taskmaster4/taskmaster4.jsonl.gz": "turns",
    "topical-chat/topical_valid_freq.jsonl.gz": "turns",
}
THRESHOLD = 0.9
AGAIN = 10  # every tenth row
WARM = 100  # rows
ShingleSet = frozenset[bytes]


def make_rows(data: Path, count: int) -> Iterator[Example]:
    """Rows of all sources in turn, some of them again."""
    source = random.Random(0)
    readers = [
        iter(_read(data / name, form)) for name, form in SOURCES.items() if (data / name).exists()
    ]
    if not readers:
        sys.exit(f"{data} holds none of {', '.join(SOURCES)}.")
    made: list[Example] = []
    while len(made) < count and readers:
        for reader in list(readers):
            if made and len(made) % AGAIN == AGAIN - 1:
                made.append(_again(source.choice(made), source))
            example = next(reader, None)
            if example is None:
                readers.remove(reader)
            else:
                made.append(example)
    yield from made[:count]


def _read(path: Path, form: str) -> Iterator[Example]:
    for line, row in read_rows(path):
        document = read_document(row, form)
        if isinstance(document, tuple) and document:
            while document and document[-1].role != "assistant":
                document = document[:-1]
            if len(document) > 1:
                yield Example(Place(path.name, line), document)


def _again(example: Example, source: random.Random) -> Example:
    """The row with up to four words changed, or only in upper case."""
    changes = source.randint(0, 4)
    messages = list(example.messages)
    for _ in range(changes):
        place = source.randrange(len(messages))
        said = messages[place].text.split()
        if said:
            said[source.randrange(len(said))] = "different"
        messages[place] = text_message(messages[place].role, " ".join(said))
    if not changes:
        messages = [text_message(one.role, one.text.upper()) for one in messages]
    return Example(example.place, tuple(messages))


def read_texts(path: Path) -> list[tuple[str, str]]:
    """The texts that are compared, of each row of the file."""
    return [compared(item) for item in read_examples(path) if isinstance(item, Example)]


def ours(texts: list[tuple[str, str]]) -> list[int]:
    """The rows that repeat an earlier one, by our search."""
    search = SimilarRows(THRESHOLD)
    found: list[int] = []
    chunks = (texts[start : start + CHUNK_ROWS] for start in range(0, len(texts), CHUNK_ROWS))
    start = 0
    for chunk, sketches in sketched_ahead(chunks, lambda rows: sketch(rows, THRESHOLD)):
        found.extend(start + row for row in sorted(search.find_sketched(sketches).matches))
        start += len(chunk)
    search.close()
    return found


def shingle_set(text: str) -> ShingleSet:
    """A text's shingles, as datasketch takes them: bytes."""
    said = byte_words(text)
    if len(said) < WORDS:
        return frozenset([b" ".join(said) or text.encode()]) if text else frozenset()
    return frozenset([b" ".join(said[i : i + WORDS]) for i in range(len(said) - WORDS + 1)])


def theirs(texts: list[tuple[str, str]], values: int, bulk: bool) -> list[int]:
    """The same by datasketch: MinHash, LSH, candidates compared exactly."""
    from datasketch import MinHash, MinHashLSH

    bands = choose_bands(THRESHOLD)
    lsh = MinHashLSH(threshold=THRESHOLD, num_perm=values, params=bands)
    kept: dict[int, tuple[ShingleSet, ShingleSet]] = {}
    found: list[int] = []
    for start in range(0, len(texts), CHUNK_ROWS):
        pairs = [
            (shingle_set(asked), shingle_set(answered))
            for asked, answered in texts[start : start + CHUNK_ROWS]
        ]
        sets = [(asked | answered, answered) for asked, answered in pairs]
        if bulk:
            hashes = MinHash.bulk([both for both, _ in sets], num_perm=values, seed=1)
        else:
            hashes = [MinHash(num_perm=values, seed=1) for _ in sets]
            for minhash, (both, _) in zip(hashes, sets, strict=True):
                minhash.update_batch(both)
        for row, (one, minhash) in enumerate(zip(sets, hashes, strict=True), start):
            if not one[0]:
                continue
            if any(near(one, kept[other]) for other in lsh.query(minhash)):
                found.append(row)
            else:
                lsh.insert(row, minhash, check_duplication=False)
                kept[row] = one
    return found


def near(one: tuple[ShingleSet, ShingleSet], other: tuple[ShingleSet, ShingleSet]) -> bool:
    """Our definition of a near-duplicate."""
    return jaccard(one[0], other[0]) >= THRESHOLD and jaccard(one[1], other[1]) >= THRESHOLD


def exact(texts: list[tuple[str, str]]) -> set[int]:
    """The rows that repeat an earlier one, without any chance: two sets of Jaccard similarity t
    share one of their rarest |A| - ceil(t |A|) + 1 members (prefix filtering: Chaudhuri, Ganti,
    Kaushik 2006)."""
    pairs = [(shingle_set(asked), shingle_set(answered)) for asked, answered in texts]
    sets = [(asked | answered, answered) for asked, answered in pairs]
    counts = Counter(shingle for both, _ in sets for shingle in both)
    index: dict[bytes, list[int]] = {}
    found: set[int] = set()
    for row, one in enumerate(sets):
        size = len(one[0])
        if not size:
            continue
        rarest = sorted(one[0], key=lambda shingle: (counts[shingle], shingle))
        prefix = rarest[: size - math.ceil(THRESHOLD * size) + 1]
        candidates = {other for shingle in prefix for other in index.get(shingle, ())}
        if any(
            THRESHOLD * max(size, len(sets[other][0])) <= min(size, len(sets[other][0]))
            and near(one, sets[other])
            for other in sorted(candidates)
        ):
            found.add(row)
        else:
            for shingle in prefix:
                index.setdefault(shingle, []).append(row)
    return found


def whole(path: Path) -> dict[str, int]:
    """The pipeline from the file to the finished dataset; its counts."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = prepare([path], Path(folder) / "prepared", PrepareOptions(), processes=2)
        return {name: dataset.count(name) for name in ("train", "validation")}


def stages(path: Path) -> dict[str, float]:
    """Microseconds a row of each stage by itself."""
    taken: dict[str, float] = {}

    def timed(name: str, work: Callable[[], list[Item]]) -> list[Item]:
        # In a stream few rows live at a time; here all do, and the collector shall not visit them.
        gc.freeze()
        start = time.process_time()
        items = work()
        taken[name] = round((time.process_time() - start) / max(1, len(items)) * 1e6, 1)
        return items

    items = timed("read", lambda: list(read_examples(path)))
    for stage in (Cleaning(), PersonalData(), Safety(), NearDuplicates(THRESHOLD)):
        before = items
        items = timed(stage.name, lambda s=stage, b=before: list(s.run(b)))  # type: ignore[misc]
    kept = items
    items = timed("split", lambda: [item for _, item in split(kept, 0.1, 1)])
    timed("write", lambda: [item for item in items if item_line(item)])
    return taken


def steps(path: Path) -> dict[str, float]:
    """Microseconds a row of the steps of `prepare`: reading, judging each row by itself with what
    the later steps must know of it, and sorting all rows."""
    options = PrepareOptions()
    taken: dict[str, float] = {}
    for _ in range(2):  # the first time loops are compiled
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            start = time.process_time()
            share = Share(BLOCK, count().__next__, plain=True)
            rows = sum(1 for _ in read_share(path, share))
            read = time.process_time()
            judged = folder / "judged"
            clean_rows([path], options, judged, lambda done, total: None)
            clean = time.process_time()
            names = ("train", "validation", "rejected")
            files = {side: stack.enter_context((folder / side).open("wb")) for side in names}
            sort_rows(judged, files, options, "supervised", lambda done: None, folder=folder)
            end = time.process_time()
        times = {"read": read - start, "judge": clean - read - (read - start), "sort": end - clean}
        taken = {step: round(seconds / rows * 1e6, 1) for step, seconds in times.items()}
    return taken


def run_side(side: str, path: Path, values: int) -> dict[str, object]:
    """One side's result, in a process that does nothing else."""
    result: dict[str, object] = {}
    if side == "stages":
        return {"steps": steps(path), "stages": stages(path)}
    texts = read_texts(path) if side != "whole" else []
    if side == "ours":
        ours(texts[:WARM])
    elif side in ("batch", "bulk"):
        theirs(texts[:WARM], values, side == "bulk")
    start, cpu = time.perf_counter(), time.process_time()
    if side == "ours":
        result["found"] = ours(texts)
    elif side in ("batch", "bulk"):
        result["found"] = theirs(texts, values, bulk=side == "bulk")
    elif side == "exact":
        result["found"] = sorted(exact(texts))
    else:
        result["counts"] = whole(path)
    result["seconds"] = time.perf_counter() - start
    result["cpu_seconds"] = time.process_time() - cpu
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def in_own_process(side: str, path: Path, values: int) -> dict[str, object]:
    """`run_side` in a new process."""
    command = [sys.executable, __file__, str(path), "--side", side, "--values", str(values)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of data sets")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--values", type=int, default=64, help="MinHash values, for datasketch")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_side(options.side, options.data, options.values)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(
                row_line(example) + "\n" for example in make_rows(options.data, options.rows)
            )
        compare(path, options.repeats, options.values)


def compare(path: Path, repeats: int, values: int) -> None:
    """Both sides in turn, and the table."""
    with path.open("rb") as file:
        rows = sum(1 for _ in file)
    size = path.stat().st_size
    print(f"{rows} rows, {size / rows:.0f} bytes each, bands {choose_bands(THRESHOLD)}")
    best: dict[str, dict[str, object]] = {}
    for _ in range(repeats):
        for side in ("ours", "batch", "bulk", "whole"):
            result = in_own_process(side, path, values)
            if side not in best or _number(result, "seconds") < _number(best[side], "seconds"):
                best[side] = result
    truth = set(_list(in_own_process("exact", path, values)))
    alone = in_own_process("stages", path, values)
    rates = {side: rows / _number(best[side], "seconds") for side in best}
    recalls = {
        side: len(truth & set(_list(best[side]))) / max(1, len(truth))
        for side in ("ours", "batch", "bulk")
    }
    for side in recalls:
        print(
            f"{side:7} {rates[side]:9.0f} rows/s  recall {recalls[side]:.4f} of {len(truth)}"
            f"  wrong {len(set(_list(best[side])) - truth)}"
            f"  {_number(best[side], 'peak_mb'):.0f} MB"
        )
    print(f"{'whole':7} {rates['whole']:9.0f} rows/s  {best['whole']['counts']}")
    print(f"microseconds a row: {alone}")
    cpu = {side: _number(best[side], "cpu_seconds") for side in ("ours", "batch", "bulk")}
    print(
        json.dumps(
            {
                "rows": rows,
                "rows_s": {side: round(rate) for side, rate in rates.items()},
                "recall": {side: round(share, 4) for side, share in recalls.items()},
                "stage_ratio": round(rates["ours"] / rates["batch"], 1),
                "stage_ratio_bulk": round(rates["ours"] / rates["bulk"], 1),
                "whole_ratio": round(rates["whole"] / rates["batch"], 1),
                "whole_ratio_bulk": round(rates["whole"] / rates["bulk"], 1),
                "cpu_ratio": round(cpu["batch"] / cpu["ours"], 1),
                "steps_us": alone["steps"],
                "stages_us": alone["stages"],
            }
        )
    )


def _number(result: dict[str, object], name: str) -> float:
    value = result[name]
    assert isinstance(value, float)
    return value


def _list(result: dict[str, object]) -> list[int]:
    value = result["found"]
    assert isinstance(value, list)
    return value


if __name__ == "__main__":
    main()
