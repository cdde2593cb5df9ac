"""The example and the documentation's code run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.conftest import ROOT

# Processes that import PyTorch, each with workers of its own: slow beside other work.
pytestmark = pytest.mark.timeout(900)


def _run(folder: Path, *command: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_resnet_is_compared_on_a_folder_of_images(tmp_path: Path) -> None:
    digits = load_digits()
    for split, start, end in (("train", 0, 20), ("val", 20, 30)):
        for label in range(2):
            folder = tmp_path / "images" / split / f"digit_{label}"
            folder.mkdir(parents=True)
            for i, pixels in enumerate(digits.images[digits.target == label][start:end]):
                Image.fromarray((15 * pixels).astype(np.uint8)).save(folder / f"{i}.png")
    example = ROOT / "examples" / "image_folder.py"
    told = _run(tmp_path, example, "images", "--steps", "2", "--seeds", "1")
    assert re.search(r"norm=batch +1 +[01]\.\d", told)
    assert re.search(r"norm=none +1 +[01]\.\d", told)
    assert "norm=batch,none" in told, "the folder of the picture"
    assert "11,177,538 parameters" in told or "11,167,938 parameters" in told


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """As a script without ``if __name__ == "__main__"``, which the processes do not run again."""
    script = tmp_path / "script.py"
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        script.write_text(block)
        _run(tmp_path, script)
