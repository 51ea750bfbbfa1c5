"""The engines that ours is measured against, each in a virtual environment of its own, for their
dependencies conflict.

    python benchmarks/peers.py install llama.cpp ctranslate2 openvino [--into FOLDER]

What is installed is pinned here. llama.cpp is compiled on this machine, for its processor: about
ten minutes on two cores, and it needs a C++ compiler. OpenVINO's environment takes about 2 GB.
Where PyTorch's index is not set to the one for processors, its CUDA build comes along: larger, and
no different here. `--into` is a folder that git ignores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".peers"

PEERS = {
    "llama.cpp": ["llama-cpp-python==0.3.36", "gguf==0.19.0"],
    "ctranslate2": ["ctranslate2==4.8.5", "torch==2.13.0", "transformers==5.23.0"],
    "openvino": [
        "openvino-genai==2026.4.1.0",
        "optimum-intel==2.2.0",
        "nncf==3.4.0",
        "torch==2.13.0",
    ],
}
# It must be built for the very PyTorch beside it, or nothing imports; text does without it.
NOT_NEEDED = {"openvino": ["torchvision"]}


def python_of(peer: str, folder: Path = FOLDER) -> Path:
    """The Python of the peer's environment. Raises SystemExit where it is not installed."""
    python = folder / peer / "bin" / "python"
    if not is_installed(peer, folder):
        raise SystemExit(
            f"{peer} is not installed in {folder}. "
            f"Run: python benchmarks/peers.py install {peer} --into {folder}"
        )
    return python


def is_installed(peer: str, folder: Path = FOLDER) -> bool:
    """Whether the environment holds what is pinned here."""
    mark = folder / peer / "installed.json"
    return mark.is_file() and mark.read_text() == json.dumps(PEERS[peer])


def install(peer: str, folder: Path = FOLDER) -> None:
    """Make the peer's environment, unless it is there already."""
    if is_installed(peer, folder):
        return
    print(f"Installing {peer}: {', '.join(PEERS[peer])}", flush=True)
    place = folder / peer
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *PEERS[peer]], check=True)
    for package in NOT_NEEDED.get(peer, []):
        subprocess.run([*pip[:-2], "uninstall", "--quiet", "--yes", package], check=True)
    (place / "installed.json").write_text(json.dumps(PEERS[peer]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["install"])
    parser.add_argument("peers", nargs="+", choices=list(PEERS), metavar="PEER")
    parser.add_argument("--into", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    for peer in arguments.peers:
        install(peer, arguments.into)


if __name__ == "__main__":
    main()
