"""The view of synthetic runs, read back as TensorBoard reads it."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata

from bnrepro.config import preset
from bnrepro.dashboard.charts import interval_tags
from bnrepro.dashboard.curves import MOST_RUNS
from bnrepro.dashboard.layout import layout
from bnrepro.dashboard.view import Scope, View
from bnrepro.errors import UserError
from bnrepro.measure.intervals import mean_over_seeds
from bnrepro.paper import paper_curve
from bnrepro.runs import RunDirectory, State, read_rows
from bnrepro.studies.registry import studies, study
from bnrepro.studies.study import Curves, Line, Study
from tests.dashboard.conftest import add_row, write_run


class _Dashboard:
    """A view, and what it said; of every seed, unless means alone are wanted."""

    def __init__(
        self, tmp_path: Path, scale: str = "smoke", only: Sequence[str] = (), seeds: bool = True
    ) -> None:
        self.said: list[str] = []
        self.folder = tmp_path / "view"
        scope = Scope(tmp_path / "runs", scale, tmp_path / "results", studies(), only, seeds)
        self.view = View(self.folder, scope, self.said.append)
        self.view.refresh()

    def run(self, name: str) -> EventAccumulator:
        return EventAccumulator(str(self.folder / "runs" / name), {"scalars": 0}).Reload()

    def points(self, name: str, tag: str) -> list[tuple[int, float]]:
        return [(e.step, pytest.approx(e.value)) for e in self.run(name).Scalars(tag)]

    def names(self) -> set[str]:
        root = self.folder / "runs"
        return {str(file.parent.relative_to(root)) for file in root.rglob("*tfevents*")}

    def hparams(self, name: str) -> dict[str, object]:
        content = self.run(name).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data
        info = metadata.parse_session_start_info_plugin_data(content.content)
        return {key: getattr(v, str(v.WhichOneof("kind"))) for key, v in info.hparams.items()}


def _recorded(directory: RunDirectory, tag: str) -> list[tuple[int, float]]:
    return [(r["step"], r[tag]) for r in read_rows(directory.metrics) if tag in r]


def test_runs_are_named_by_experiment_seed_and_what_differs(runs: Path, tmp_path: Path) -> None:
    assert _Dashboard(tmp_path).names() == {
        *(f"fig1/{n}/{of}" for n in ("with_bn", "without_bn") for of in ("seed0", "seed1", "mean")),
        "fig1/with_bn,optim.lr=0.3/seed0",
        "fig2/bn_x5/seed0",
        "report",
        "paper/BN-x5",
        "paper/with BN",
        "paper/without BN",
    }


def test_another_kind_of_section_is_named_by_its_kind(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "fig1/with_bn", "norm=group", "norm.groups=5")
    assert "fig1/with_bn,norm=group/seed0" in _Dashboard(tmp_path).names()


def test_every_row_is_shown_under_its_tag_and_its_studies(runs: Path, tmp_path: Path) -> None:
    dashboard = _Dashboard(tmp_path)
    [directory] = map(RunDirectory, (runs / "fig2" / "bn_x5").iterdir())
    recorded = _recorded(directory, "test/accuracy")
    assert len(recorded) == 6
    assert dashboard.points("fig2/bn_x5/seed0", "test/accuracy") == recorded
    for one in ("fig2", "seven_changes"):
        assert dashboard.points("fig2/bn_x5/seed0", f"{one}/accuracy") == recorded
    panel = dashboard.points("fig1/without_bn/seed1", "fig1/without BN/unit_p85")
    assert panel == dashboard.points("fig1/without_bn/seed1", "probe/hidden.2/unit/p85")
    tags = dashboard.run("fig1/without_bn/seed1").Tags()["scalars"]
    assert "fig1/with BN/unit_p85" not in tags
    changed = dashboard.run("fig1/with_bn,optim.lr=0.3/seed0").Tags()["scalars"]
    assert "other/accuracy" in changed
    assert "fig1/accuracy" not in changed, "no line of a figure"


def test_papers_curves_lie_on_our_axis(runs: Path, tmp_path: Path) -> None:
    dashboard = _Dashboard(tmp_path)
    config = preset("fig2/bn_x5", "smoke")
    length = config.inception_steps
    assert length is not None
    paper = paper_curve("fig2_BN-x5")
    shown = dashboard.points("paper/BN-x5", "test/accuracy")
    ours = paper.steps * length / 31.0e6
    last = np.flatnonzero(ours <= config.steps)[-1]
    assert shown[-1] == (round(ours[last]), paper.values[last])
    steps = preset("fig1/with_bn", "smoke").steps
    percentiles = [
        dashboard.points("paper/with BN", f"fig1/with BN/unit_p{p}") for p in (15, 50, 85)
    ]
    assert len({tuple(step for step, _ in curve) for curve in percentiles}) == 1, (
        "a margin chart refuses values at different steps"
    )
    assert percentiles[0][-1][0] <= steps
    about = dashboard.run("report").Tensors("about")[0].tensor_proto.string_val[0].decode()
    assert f"{length:,} / 31.0e6" in about


def test_mean_over_ended_seeds_has_its_interval(runs: Path, tmp_path: Path) -> None:
    dashboard = _Dashboard(tmp_path)
    name = "fig1/with_bn/mean"
    mean, low, high = (
        [e.value for e in dashboard.run(name).Scalars(tag)] for tag in interval_tags("fig1")
    )
    seeds = [dashboard.points(f"fig1/with_bn/seed{s}", "test/accuracy")[-1][1] for s in (0, 1)]
    expected = mean_over_seeds([seed.expected for seed in seeds])
    assert (mean[-1], low[-1], high[-1]) == pytest.approx(expected[:3], rel=1e-5)


def test_mean_ends_where_one_seed_is_left(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "fig1/with_bn", seed=0)
    early = write_run(tmp_path / "runs", "fig1/with_bn", seed=1, rows=3, state=State.DIVERGED)
    with early.metrics.open("a") as file:
        file.write('{"step": 30, "test/accuracy": "NaN"}\n')
    shown = _Dashboard(tmp_path).points("fig1/with_bn/mean", "fig1/accuracy")
    assert [step for step, _ in shown] == [0, 10, 20]


def test_hparams_have_the_same_keys_and_types_in_every_run(runs: Path, tmp_path: Path) -> None:
    dashboard = _Dashboard(tmp_path)
    rows = {name: dashboard.hparams(name) for name in dashboard.names() if "seed" in name}
    assert len(rows) == 6, "a row a run, and one for the mean"
    rows["fig1/with_bn/mean"] = dashboard.hparams("fig1/with_bn/mean")
    assert len({tuple((k, type(v)) for k, v in sorted(row.items())) for row in rows.values()}) == 1
    changed = rows["fig1/with_bn,optim.lr=0.3/seed0"]
    assert changed["optim.lr"] == 0.3
    assert changed["model.width"] == "-", "only Inception has one"
    assert not {key for key in changed if key.startswith("runtime.")}
    assert {"norm.name", "model.name"} <= set(changed)
    assert not {"optim.name", "seed", "scale"} & set(changed), "the same in all, or in the name"
    for name in rows.keys() - {"fig1/with_bn/mean"}:
        shown = dict(dashboard.points(name, "result/best_accuracy"))
        best = max(a.expected for _, a in dashboard.points(name, "test/accuracy"))
        assert shown == {50: best}


def test_hparams_shows_first_what_was_swept(tmp_path: Path) -> None:
    for norm in ("batch", "none"):
        for rate in (0.1, 0.2):
            write_run(tmp_path / "runs", "fig1/with_bn", f"norm={norm}", f"optim.lr={rate}")
    dashboard = _Dashboard(tmp_path, seeds=False)
    content = dashboard.run("report").SummaryMetadata(metadata.EXPERIMENT_TAG).plugin_data.content
    infos = metadata.parse_experiment_plugin_data(content).hparam_infos
    assert infos[0].name == "norm.name"
    assert "optim.lr" in [info.name for info in infos if info.differs]
    assert len([info for info in infos if info.differs]) <= 5


def test_ended_seeds_are_one_mean_that_has_what_they_have(runs: Path, tmp_path: Path) -> None:
    dashboard = _Dashboard(tmp_path, seeds=False)
    assert {name for name in dashboard.names() if name.startswith("fig")} == {
        "fig1/with_bn/mean",
        "fig1/without_bn/mean",
        "fig1/with_bn,optim.lr=0.3/seed0",
        "fig2/bn_x5/seed0",
    }, "one seed, or one that goes on, is shown as it is"
    one = _Dashboard(tmp_path, seeds=True).run("fig1/with_bn/seed0").Tags()
    mean = dashboard.run("fig1/with_bn/mean").Tags()
    assert set(one["scalars"]) <= set(mean["scalars"])
    assert set(one["tensors"]) <= set(mean["tensors"])


def test_there_are_no_more_curves_than_tensorboard_shows(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "fig1/with_bn")
    for i in range(MOST_RUNS + 1):
        write_run(tmp_path / "runs", "fig1/with_bn", f"optim.lr={0.5 + i}")
    dashboard = _Dashboard(tmp_path, seeds=False)
    assert len(dashboard.names()) == MOST_RUNS
    assert {"fig1/with_bn/seed0", "paper/with BN"} <= dashboard.names(), "studies come first"
    assert dashboard.view.left_out == ["other"]
    write_run(tmp_path / "runs", "fig1/without_bn")
    dashboard.view.refresh()
    assert len(dashboard.names()) == MOST_RUNS, "also while it is served"
    assert len(_Dashboard(tmp_path).names()) > MOST_RUNS, "all of them when asked for"


def test_studies_that_were_asked_for_are_shown(runs: Path, tmp_path: Path) -> None:
    fig2 = _Dashboard(tmp_path, only=["fig2"]).names()
    assert fig2 == {"fig2/bn_x5/seed0", "paper/BN-x5", "report"}
    others = _Dashboard(tmp_path, only=["other"]).names()
    assert others == {"fig1/with_bn,optim.lr=0.3/seed0", "report"}
    with pytest.raises(UserError, match="no run of fig4 at scale=smoke; `bnrepro dashboard"):
        _Dashboard(tmp_path, only=["fig4"])


def test_colour_of_a_run_stays_when_runs_are_added(runs: Path, tmp_path: Path) -> None:
    def in_order() -> list[str]:
        dashboard = _Dashboard(tmp_path, seeds=False)
        times = {name: dashboard.run(name).FirstEventTimestamp() for name in dashboard.names()}
        return sorted(times, key=lambda name: times[name])

    before = in_order()
    assert before[0] == "report"
    write_run(runs, "fig1/with_bn", "optim.lr=0.2")
    write_run(runs, "fig2/bn_baseline", probe=False)
    after = in_order()
    assert after[: len(before)] == before, "TensorBoard gives colours by place in this order"
    assert len(after) == len(before) + 3


def test_study_of_statistics_has_its_charts(tmp_path: Path) -> None:
    experiment = "evaluation_statistics"
    size = "batch_size=2"
    directory = write_run(tmp_path / "runs", experiment, size, rows=0, state=State.RUNNING)
    row = {"step": 0, "test/accuracy": 0.6, "test/population/accuracy": 0.6}
    directory.metrics.write_text(json.dumps(row | {"test/moving/accuracy": 0.5}) + "\n")
    dashboard = _Dashboard(tmp_path)
    [name] = dashboard.names() - {"report"}  # and no curve of the paper's
    assert name == f"{experiment}/trained in 2s/seed0"
    assert dashboard.points(name, f"{experiment}/population") == [(0, 0.6)]
    assert dashboard.points(name, f"{experiment}/moving") == [(0, 0.5)]


def _charts(name: str) -> dict[str, list[str]]:
    """The tags of each chart of lines of a study."""
    shown = layout([study(name)], others=False, averaged={name}, layers=[])
    parsed = layout_pb2.Layout()
    parsed.ParseFromString(shown.value[0].tensor.string_val[0])
    [category, _all] = parsed.category
    return {chart.title: list(chart.multiline.tag) for chart in category.chart}


def test_chart_of_a_panel_has_the_tags_of_its_lines_that_runs_record() -> None:
    charts = _charts("evaluation_statistics")
    [during] = [tags for title, tags in charts.items() if title.startswith("(b)")]
    assert during == ["^evaluation_statistics/population$", "^evaluation_statistics/moving$"]
    assert not any(title.startswith("(c)") for title in charts), "a difference is not recorded"
    assert _charts("fig1")["(a) test accuracy"] == ["^fig1/accuracy$"]


def test_panel_of_one_line_shows_that_line() -> None:
    one = Study(
        "own",
        "Own",
        "Which?",
        (Line("a", "fig1/with_bn"), Line("b", "fig1/without_bn")),
        panels=(Curves("of a alone", ("accuracy",), "accuracy", lines=("a",)),),
    )
    shown = layout([one], others=False, averaged=set(), layers=[]).SerializeToString()
    assert b"^own/a/accuracy$" in shown


def test_histograms_are_shown(runs: Path, tmp_path: Path) -> None:
    run = _Dashboard(tmp_path).run("fig1/with_bn/seed0")
    assert [e.step for e in run.Tensors("inputs/hidden.1")] == [0, 10, 20, 30, 40, 50]


def test_what_is_added_is_appended_and_what_is_cut_off_is_replaced(
    runs: Path, tmp_path: Path
) -> None:
    dashboard = _Dashboard(tmp_path)
    [directory] = map(RunDirectory, (runs / "fig2" / "bn_x5").iterdir())
    before = dashboard.folder / "runs/fig2/bn_x5/seed0/events.out.tfevents.0.bnrepro"
    head = before.read_bytes()
    add_row(directory, 60, probe=False)
    dashboard.view.refresh()
    assert before.read_bytes().startswith(head), "a server has read this far"
    assert dashboard.points("fig2/bn_x5/seed0", "test/accuracy")[-1][0] == 60

    lines = directory.metrics.read_text().splitlines(keepends=True)
    directory.metrics.write_text("".join(lines[:3]))  # a resumed run cut it off,
    add_row(directory, 35, probe=False)  # and went on otherwise
    dashboard.view.refresh()
    shown = dashboard.points("fig2/bn_x5/seed0", "test/accuracy")
    assert shown == _recorded(directory, "test/accuracy")
    assert [step for step, _ in shown] == [0, 10, 20, 35]


def test_started_again_it_writes_only_what_changed(runs: Path, tmp_path: Path) -> None:
    first = _Dashboard(tmp_path)
    files = {file: file.stat().st_mtime_ns for file in first.folder.rglob("*tfevents*")}
    added = write_run(runs, "fig1/with_bn", seed=2)
    gone = next(iter((runs / "fig2" / "bn_x5").iterdir())) / "config.yaml"
    gone.unlink()
    second = _Dashboard(tmp_path)
    assert second.points("fig1/with_bn/seed2", "test/accuracy") == _recorded(added, "test/accuracy")
    assert not {name for name in second.names() if "bn_x5" in name or "BN-x5" in name}
    kept = [file for file, time in files.items() if file.exists() and "paper" in str(file)]
    assert kept
    assert all(file.stat().st_mtime_ns == files[file] for file in kept)


def test_unchanged_view_is_not_written_at_all(runs: Path, tmp_path: Path) -> None:
    first = _Dashboard(tmp_path)
    files = {file: file.stat().st_mtime_ns for file in first.folder.rglob("*tfevents*")}
    _Dashboard(tmp_path)
    assert {file: file.stat().st_mtime_ns for file in files} == files


def test_view_that_was_killed_while_writing_is_mended(runs: Path, tmp_path: Path) -> None:
    first = _Dashboard(tmp_path)
    expected = first.points("fig1/with_bn/seed0", "train/loss")
    for name, damage in (("fig1/with_bn/seed0", b"half a record"), ("fig1/with_bn/seed1", None)):
        file = first.folder / "runs" / name / "events.out.tfevents.0.bnrepro"
        file.write_bytes(file.read_bytes() + damage if damage else file.read_bytes()[:100])
    again = _Dashboard(tmp_path)
    assert again.points("fig1/with_bn/seed0", "train/loss") == expected
    assert len(again.points("fig1/with_bn/seed1", "train/loss")) == len(expected)


def test_damaged_rows_are_skipped_and_said_once(runs: Path, tmp_path: Path) -> None:
    [directory] = map(RunDirectory, (runs / "fig2" / "bn_x5").iterdir())
    with directory.metrics.open("a") as file:
        file.write('{"step": 7\n[1]\n')
    add_row(directory, 60, probe=False)
    dashboard = _Dashboard(tmp_path)
    dashboard.view.refresh()
    assert dashboard.said == [f"{directory.metrics}: 2 damaged row(s) skipped"]
    assert dashboard.points("fig2/bn_x5/seed0", "test/accuracy")[-1][0] == 60


def test_row_that_is_being_written_is_left_for_later(runs: Path, tmp_path: Path) -> None:
    [directory] = map(RunDirectory, (runs / "fig2" / "bn_x5").iterdir())
    whole = directory.metrics.read_text()
    directory.metrics.write_text(whole + '{"step": 60, "test/acc')
    dashboard = _Dashboard(tmp_path)
    directory.metrics.write_text(whole + '{"step": 60, "test/accuracy": 0.5}\n')
    dashboard.view.refresh()
    assert dashboard.points("fig2/bn_x5/seed0", "test/accuracy")[-1] == (60, 0.5)
    assert not dashboard.said


def test_run_that_is_deleted_or_new_while_serving(runs: Path, tmp_path: Path) -> None:
    dashboard = _Dashboard(tmp_path)
    assert dashboard.view.going_on == 1
    shutil.rmtree(runs / "fig1" / "without_bn")
    write_run(runs, "fig1/with_bn", seed=3, state=State.DIVERGED)
    dashboard.view.refresh()
    assert "fig1/with_bn/seed3" in dashboard.names()
    assert "fig1/without_bn/seed0" in dashboard.names(), "shown until the next start"


def test_figures_and_reports_are_shown(runs: Path, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "results" / "smoke"
    for figure in ("fig1", "fig3"):
        (folder / figure).mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(folder / "fig1" / "fig1.png")
    (folder / "fig3" / "fig3.md").write_text("| model |\n")
    (folder / "REPORT.md").write_text("# Report\n")
    dashboard = _Dashboard(tmp_path)
    report = dashboard.run("report")
    assert report.Tensors("fig1")[0].tensor_proto.string_val[:2] == [b"30", b"20"]
    assert report.Tensors("fig3")[0].tensor_proto.string_val == [b"| model |\n"]
    assert report.Tensors("report")[0].tensor_proto.string_val == [b"# Report\n"]


def test_run_of_another_version_is_said_and_left_out(runs: Path, tmp_path: Path) -> None:
    other = runs / "fig1" / "with_bn" / "other"
    other.mkdir()
    (other / "config.yaml").write_text("config: {experiment: fig1/with_bn}\n")
    dashboard = _Dashboard(tmp_path)
    dashboard.view.refresh()
    assert len(dashboard.said) == 1
    assert "1 run(s) not shown: damaged, or of another version" in dashboard.said[0]


def test_no_run_says_how_to_make_one_or_where_there_are_some(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`bnrepro train experiment=fig1/with_bn scale=smoke`"):
        _Dashboard(tmp_path)
    write_run(tmp_path / "runs", "fig1/with_bn")
    with pytest.raises(UserError, match="there are runs at scale smoke: use --scale smoke"):
        _Dashboard(tmp_path, scale="laptop")


def test_state_of_another_format_is_built_anew(runs: Path, tmp_path: Path) -> None:
    first = _Dashboard(tmp_path)
    state = first.folder / "view.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "format": 0}))
    second = _Dashboard(tmp_path)
    assert len(second.points("fig1/with_bn/seed0", "test/accuracy")) == 6
