"""The command itself: a process, asked over HTTP what a browser would ask."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bnrepro.runs import RunDirectory
from bnrepro.studies.registry import study
from tests.dashboard.conftest import add_row

_PATIENCE = 60.0


class Served:
    """A dashboard that is running.

    Attributes:
        process: of the command.
        said: its lines before the address.
        address: where it is.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("http"):
                self.address = line.split()[0]
                return
            self.said.append(line.rstrip())
        raise AssertionError(self.said)

    def get(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.address.partition("?")[0] + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:
            return json.load(response)

    def wait_for(self, path: str, is_there: Callable[[Any], bool]) -> Any:
        """What is asked for, when TensorBoard has loaded it."""
        deadline = time.monotonic() + _PATIENCE
        while not is_there(answer := self.get(path)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.5)
        return answer


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """`bnrepro dashboard` on ``folder/runs``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bnrepro", "dashboard", "--scale", "smoke", "--no-open", *arguments],
        **_options(folder),
    )
    try:
        yield Served(process)
    finally:
        process.kill()
        process.communicate()


def _options(folder: Path) -> dict[str, Any]:
    """Of a process in a folder with a cache of its own."""
    return {
        "cwd": folder,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "env": {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
    }


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _scalars(run: str, tag: str) -> str:
    return f"data/plugin/scalars/scalars?run={quote(run)}&tag={quote(tag)}"


def test_served_from_the_first_row_to_the_end(runs: Path, tmp_path: Path) -> None:
    with (
        socket.create_server(("localhost", 0)) as taken,
        served(tmp_path, "--seeds", "--port", str(taken.getsockname()[1])) as dashboard,
    ):
        port = taken.getsockname()[1]
        assert dashboard.said[0].startswith(f"port {port} is in use: ")
        assert dashboard.said[1] == "6 run(s) at scale smoke, 1 of them not ended"
        listed = dashboard.wait_for("data/runs", lambda answer: len(answer) == 12)
        assert {"fig1/with_bn/mean", "fig2/bn_x5/seed0", "paper/BN-x5", "report"} <= set(listed)
        accuracy = _scalars("fig2/bn_x5/seed0", "fig2/accuracy")
        assert [step for _, step, _ in dashboard.get(accuracy)] == [0, 10, 20, 30, 40, 50]

        _check_hparams(dashboard)
        layout = dashboard.get("data/plugin/custom_scalars/layout")
        charts = {c["title"]: [chart["title"] for chart in c["chart"]] for c in layout["category"]}
        figure_1, figure_2, changes = (study(n).title for n in ("fig1", "fig2", "seven_changes"))
        assert list(charts) == [
            figure_1,
            figure_2,
            changes,
            "Other experiments",
            "All runs",
            "Inputs to the nonlinearities, all units of a layer",
        ]
        assert len(charts[figure_2]) == 1, "no mean of one seed"
        assert len(charts[figure_1]) == 4
        for plugin in ("histograms", "distributions"):
            tags = dashboard.get(f"data/plugin/{plugin}/tags")
            assert set(tags["fig1/with_bn/seed0"]) == {f"inputs/hidden.{i}" for i in range(3)}

        # A run goes on, is resumed from an earlier step, and another is deleted.
        [directory] = map(RunDirectory, (runs / "fig2" / "bn_x5").iterdir())
        lines = directory.metrics.read_text().splitlines(keepends=True)
        directory.metrics.write_text("".join(lines[:4]))
        add_row(directory, 35, probe=False)
        shutil.rmtree(runs / "fig1" / "without_bn")
        after = dashboard.wait_for(accuracy, lambda points: points[-1][1] == 35)
        assert [step for _, step, _ in after] == [0, 10, 20, 30, 35]
        assert dashboard.process.poll() is None

        children = _children(dashboard.process.pid)
        dashboard.process.send_signal(signal.SIGINT)
        told, _ = dashboard.process.communicate(timeout=_PATIENCE)
        assert dashboard.process.returncode == 0, told
        assert "Traceback" not in told
        deadline = time.monotonic() + _PATIENCE
        while any(Path(f"/proc/{child}").exists() for child in children):
            assert time.monotonic() < deadline, "TensorBoard's data server is still there"
            time.sleep(0.1)


def _check_hparams(dashboard: Served) -> None:
    experiment = dashboard.get("data/plugin/hparams/experiment", {"experimentName": ""})
    titles = [info["displayName"] for info in experiment["metricInfos"]]
    assert titles[:2] == ["final test accuracy", "best test accuracy"]
    groups = dashboard.get(
        "data/plugin/hparams/session_groups",
        {
            "experimentName": "",
            "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
            "colParams": [{"metric": {"tag": "result/steps"}}, {"hparam": "optim.lr"}],
            "startIndex": 0,
            "sliceSize": 100,
        },
    )
    rows = {group["name"]: group for group in groups["sessionGroups"]}
    assert len(rows) == groups["totalSize"] == 8, "a row a run, and a mean"
    keys = {tuple(sorted(row["hparams"])) for row in rows.values()}
    assert len(keys) == 1
    [steps] = [
        value["value"]
        for value in rows["fig1/with_bn/seed0"]["metricValues"]
        if value["name"]["tag"] == "result/steps"
    ]
    assert steps == 50


def test_second_dashboard_on_the_same_runs_names_the_first(runs: Path, tmp_path: Path) -> None:
    with served(tmp_path) as first:
        second = subprocess.run(first.process.args, **_options(tmp_path), timeout=_PATIENCE)
        assert second.returncode == 0
        assert second.stdout == f"these runs are shown already: {first.address}\n"
