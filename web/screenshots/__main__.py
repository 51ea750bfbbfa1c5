"""Takes the pictures in docs/images from the running product.

    .venv/bin/python -m web.screenshots [--model NAME] [--to FOLDER]   # `make screenshot` runs it

Starts the server on an empty home, talks, prepares a dataset, trains and compares in Chromium as
a person would, and takes a picture wherever there is something to see. Nothing depends on what
the model says.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from web.screenshots.making import ROOT
from web.screenshots.pictures import Camera, chat_pictures, data_pictures, training_pictures
from web.screenshots.server import running_browser, running_server


def main() -> None:
    """One picture after another."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", help="a model other than the default one")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images", help="a folder")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder) / "home", options.model) as url,
        running_browser() as browser,
    ):
        camera = Camera(browser, url, options.to)
        chat_pictures(camera)
        data_pictures(camera)
        training_pictures(camera)


if __name__ == "__main__":
    main()
