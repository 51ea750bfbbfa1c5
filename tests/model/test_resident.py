"""What start-up needed is given back, and nothing that could not be read again."""

import pytest

from miniclaude.model.resident import MAPPINGS, give_back_code, unchanged

SMAPS = """\
1000-3000 r-xp 00000000 fe:00 42                         /lib/code.so
Rss:                   8 kB
Anonymous:             0 kB
VmFlags: rd ex mr
3000-4000 r--p 00002000 fe:00 42                         /lib/relocated.so
Anonymous:             4 kB
4000-5000 rw-p 00003000 fe:00 42                         /weights.safetensors
Anonymous:             0 kB
5000-6000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
6000-7000 r--p 00000000 00:00 0
Anonymous:             0 kB
7000-9000 r--p 00000000 fe:00 43                         /a name with spaces.so
Anonymous:             0 kB
"""


def test_only_what_is_in_a_file_word_for_word_is_given_back() -> None:
    """A page that the loader has relocated is the process's own: read anew from the file it would
    point anywhere, and the next call would crash."""
    assert list(unchanged(SMAPS)) == [(0x1000, 0x3000), (0x7000, 0x9000)]


@pytest.mark.skipif(not MAPPINGS.exists(), reason="only Linux tells how memory is mapped")
def test_code_that_was_given_back_still_runs() -> None:
    import torch

    def in_files() -> int:
        status = MAPPINGS.with_name("status").read_text()
        return int(status.split("RssFile:")[1].split()[0])

    numbers = torch.ones(64, 64)
    before = in_files()
    give_back_code()
    assert in_files() < before / 2
    assert float((numbers @ numbers).sum()) == 64.0**3
