"""What there is to answer a study with: the runs of its lines, and the tables it has prepared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from bnrepro.config import RunConfig, preset
from bnrepro.errors import UserError
from bnrepro.measure import wording
from bnrepro.measure.intervals import Mean, band_over_runs, mean_over_seeds
from bnrepro.measure.quantities import Quantity, Sample, sample, sample_of
from bnrepro.measure.verdict import Judgement, Verdict, unsettled_reference, unsound_reference
from bnrepro.runs.ended import EndedRun, EndedRuns
from bnrepro.runs.tags import observed_layers
from bnrepro.studies.study import Against, Claim, Line, Prepared, Series, Study, XAxis

_MOST_ROWS_KEPT = 100_000  # of a band; a longer one is computed again for each use


@dataclass(frozen=True)
class Evidence:
    """The ended runs of a study at one scale.

    Attributes:
        study: the study.
        scale: how big; empty: runs of any scale.
        folder: of its results; what it prepares is kept there.
        runs: of each line, by label and seed.
        overrides: what all lines were told besides, from the command line.
        notes: a sentence on each run or row that was left out.
    """

    study: Study
    scale: str
    folder: Path
    runs: dict[str, list[EndedRun]] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> list[Line]:
        """The lines without an ended run."""
        return [line for line in self.study.lines if not self.runs[line.label]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has ended and nothing is prepared."""
        prepared = self.study.prepare is not None and self.folder.is_dir()
        return not any(self.runs.values()) and not (prepared and any(self.folder.glob("*.csv")))

    @property
    def is_judged(self) -> bool:
        """Whether claims are judged at this scale; smoke shows that everything runs."""
        return self.scale != "smoke"

    @property
    def references(self) -> list[EndedRun]:
        """The runs that others are compared with."""
        return self.runs.get(self.study.reference, [])

    def sample(self, quantity: Quantity, label: str, reference: str = "") -> Sample:
        """A quantity of every seed of a line, beside a reference: the study's, if none is named."""
        references = self.runs.get(reference or self.study.reference, [])
        return sample(quantity, self.runs[label], references)

    def mean(self, quantity: Quantity, label: str, reference: str = "") -> float:
        """The mean of such a sample; NaN: no seed has a number."""
        return self.sample(quantity, label, reference).mean.mean

    def table(self, name: str) -> pd.DataFrame | None:
        """A table that the study has prepared; None: it has not.

        Raises:
            UserError: it cannot be read.
        """
        file = self.folder / name
        if not file.is_file():
            return None
        try:
            return pd.read_csv(file)
        except (OSError, ValueError) as error:
            raise UserError(f"{file}: cannot be read ({error}); make it again") from error

    def series(self, name: str) -> Series:
        """The series of a name."""
        return next(series for series in self.study.series if series.name == name)

    def curve(self, run: EndedRun, series: Series) -> pd.Series:
        """A recorded series of a run, by step; empty where it was not recorded."""
        layers = observed_layers(list(run.rows.columns))
        last = layers[-1] if layers else ""
        tags = [tag.replace("{last}", last) for tag in (series.tag, series.minus) if tag]
        if any(tag not in run.rows for tag in tags):
            return pd.Series(dtype=np.float64)
        value, *minus = map(run.recorded, tags)
        return (value - minus[0]).dropna() if minus else value

    def band(self, label: str, series: str) -> pd.DataFrame:
        """A series of a line over its seeds, a row a step: step, mean, low, high, n."""
        key = label, series
        if key not in self._bands:
            band = self._make_band(label, self.series(series))
            if len(band) > _MOST_ROWS_KEPT:
                return band
            self._bands[key] = band
        return self._bands[key]

    @cached_property
    def _bands(self) -> dict[tuple[str, str], pd.DataFrame]:
        return {}

    def _make_band(self, label: str, series: Series) -> pd.DataFrame:
        curves = [self.curve(run, series) for run in self.runs[label]]
        curves = [curve for curve in curves if not curve.empty]
        if not curves:
            return pd.DataFrame(columns=["step", "mean", "low", "high", "n"])
        steps, over_seeds = band_over_runs(curves)
        return pd.DataFrame({"step": steps.astype(int), **over_seeds._asdict()})

    def bands(self) -> Iterator[tuple[dict[str, str | int], pd.DataFrame]]:
        """Each series of each line: its ``line`` and ``series``, and its band."""
        for line in self.study.lines:
            for series in self.study.series:
                names: dict[str, str | int] = {"line": line.label, "series": series.name}
                yield names, self.band(line.label, series.name)

    def curves(self) -> Iterator[tuple[dict[str, str | int], pd.DataFrame]]:
        """Each run: its ``line`` and ``seed``; its recorded steps, and a column a series."""
        names = self._recorded_series()
        for label, runs in self.runs.items():
            for run in runs:
                columns = {series.name: self.curve(run, series) for series in self.study.series}
                table = pd.DataFrame({k: v for k, v in columns.items() if not v.empty})
                table = table.reindex(columns=names).rename_axis("step").reset_index()
                yield {"line": label, "seed": run.seed}, table

    def _recorded_series(self) -> list[str]:
        every_run = [run for runs in self.runs.values() for run in runs]
        return [
            series.name
            for series in self.study.series
            if any(not self.curve(run, series).empty for run in every_run)
        ]

    def per_step(self, label: str, x: XAxis) -> float:
        """How far an axis goes on with every step of a line.

        Rows hold no time: seconds are those of the whole run, evaluations too, spread evenly.
        """
        runs = self.runs[label]
        match x:
            case "step":
                return 1.0
            case "examples":
                return float(runs[0].config.batch_size * runs[0].config.groups)
            case "seconds":
                steps = sum(float(run.rows.index.max()) for run in runs)
                return sum(run.seconds for run in runs) / max(1.0, steps)

    def ends(self, label: str, series: Sequence[str]) -> dict[str, Mean]:
        """The last value of recorded series, over the seeds that finished."""
        by_name = {one.name: one for one in self.study.series}
        ends = {}
        for name in series:
            curves = [
                self.curve(run, by_name[name]) for run in self.runs[label] if not run.diverged
            ]
            values = [float(curve.iloc[-1]) for curve in curves if not curve.empty]
            if values:
                ends[name] = mean_over_seeds(values)
        return ends

    def prepared(self, panel: Prepared) -> dict[str, pd.DataFrame]:
        """By group, a row a place of the axis: x, mean, low, high, n."""
        table = self.table(panel.table)
        if table is None:
            return {}
        x, y = panel.columns
        return {
            str(group): pd.DataFrame(
                [
                    {"x": place, **mean_over_seeds(rows[y].to_numpy())._asdict()}
                    for place, rows in of_group.groupby(x)
                ]
            )
            for group, of_group in table.groupby(panel.group, sort=False)
        }

    def places(self, panel: Against, group: str) -> pd.DataFrame:
        """A row a line of a group: line, x, mean, low, high, n, and whether a seed failed.

        ``bound``: where a seed that has no number is drawn: at its last step where steps are
        counted, else at 0.
        """
        rows = []
        for line in self.study.lines:
            runs = self.runs[line.label]
            if line.group != group or not runs:
                continue
            measured = self.sample(panel.quantity, line.label)
            if len(measured.values) == 0:  # it was not recorded
                continue
            last_step = max(float(run.rows.index.max()) for run in runs)
            rows.append(
                {
                    "line": line.label,
                    "x": panel.place(self, line) if panel.place else line.x,
                    **measured.mean._asdict(),
                    "n": len(measured.values),
                    "failed": measured.never > 0,
                    "bound": last_step if panel.quantity.unit == "steps" else 0.0,
                }
            )
        names = ["line", "x", "mean", "low", "high", "n", "failed", "bound"]
        return pd.DataFrame(rows, columns=names)


def gather(
    study: Study,
    scale: str,
    ended: EndedRuns,
    folder: Path,
    overrides: Sequence[str] = (),
) -> Evidence:
    """Find the ended runs of every line of a study.

    Args:
        study: the study.
        scale: which scale's runs.
        ended: every ended run there is.
        folder: of the study's results.
        overrides: what all lines were told besides.

    Raises:
        UserError: an unknown scale, or an override is wrong.
    """
    configs = {line.label: line_config(line, scale, overrides) for line in study.lines}
    runs = {label: ended.of(config) for label, config in configs.items()}
    return Evidence(study, scale, folder, runs, tuple(overrides), tuple(ended.notes))


def line_config(line: Line, scale: str, overrides: Sequence[str] = ()) -> RunConfig:
    """What the runs of a line are told, with seed 0."""
    return preset(line.experiment, scale, *line.overrides, *overrides)


@dataclass(frozen=True)
class Finding:
    """What came of a claim.

    Attributes:
        claim: the claim.
        judgement: the verdict, and why.
        sample: the value of each seed; None: not measured.
    """

    claim: Claim
    judgement: Judgement
    sample: Sample | None

    @property
    def verdict(self) -> Verdict:
        """Computed from the sample."""
        return self.judgement.verdict

    @property
    def mean(self) -> Mean:
        """Over the seeds that have a value."""
        return self.sample.mean if self.sample else Mean(np.nan, np.nan, np.nan, 0)


def check_all(evidence: Evidence) -> list[Finding]:
    """What came of the study's claims; none at a scale where nothing is judged."""
    return [check(one, evidence) for one in evidence.study.claims] if evidence.is_judged else []


def check(claim: Claim, evidence: Evidence) -> Finding:
    """Measure a claim and judge it; a reference that proves nothing leaves it undecided."""
    if claim.table is not None:
        values = claim.table(evidence)
        if not values:
            command = f"bnrepro reproduce {evidence.study.name} --scale {evidence.scale}"
            return Finding(claim, Judgement(Verdict.NOT_RUN, f"`{command}` computes it"), None)
        measured = sample_of(values, claim.quantity.on_logarithms)
        return Finding(claim, claim.rule.judge(measured, claim.quantity.on_logarithms), measured)
    labels = [label for label in (claim.line, claim.reference) if label]
    absent = [label for label in labels if not evidence.runs[label]]
    if absent:
        return Finding(claim, Judgement(Verdict.NOT_RUN, f"needs {', '.join(absent)}"), None)
    measured, judgement = _compare(claim, evidence, claim.reference)
    if _depends_on_the_stop(claim, evidence):
        unsettled = unsettled_reference(claim.reference, evidence.runs[claim.reference])
        if unsettled and judgement.verdict is not Verdict.UNDECIDED:
            measured, judgement = _judge_unsettled(claim, evidence, measured, judgement, unsettled)
    return Finding(claim, judgement, measured)


def _compare(claim: Claim, evidence: Evidence, reference: str) -> tuple[Sample, Judgement]:
    """A claim measured against a reference, and judged wherever that was stopped."""
    references = evidence.runs.get(reference, [])
    measured = sample(claim.quantity, evidence.runs[claim.line], references)
    unsound = unsound_reference(reference, references, measured) if reference else ""
    if not unsound and len(measured.values) == 0:
        unsound = "no seed has a number to compare"
    if unsound:
        return measured, Judgement(Verdict.UNDECIDED, unsound)
    return measured, claim.rule.judge(measured, claim.quantity.on_logarithms)


def _depends_on_the_stop(claim: Claim, evidence: Evidence) -> bool:
    """Whether we, and not the paper, decided where the reference of a claim was stopped."""
    if not (claim.reference and claim.plateau):
        return False
    if not evidence.study.beside_paper:
        return True
    papers = line_config(evidence.study.line(claim.reference), "paper").steps
    return any(run.config.steps < papers for run in evidence.runs[claim.reference])


def _judge_unsettled(
    claim: Claim, evidence: Evidence, measured: Sample, judgement: Judgement, unsettled: str
) -> tuple[Sample, Judgement]:
    """A claim whose reference still rises, by that reference trained twice as long.

    Where the longer one has levelled off, it alone decides; else both must say the same.
    """
    for line in evidence.study.lines:
        label = line.label
        if line.doubles != claim.reference or not evidence.runs[label]:
            continue
        of_longer, again = _compare(claim, evidence, label)
        if not unsettled_reference(label, evidence.runs[label]):
            beside = f"against {label}, which has levelled off; against {claim.reference}"
            reason = f"{again.reason}; " if again.reason else ""
            reason += f"{beside}: {_in_words(claim, measured)}"
            return of_longer, Judgement(again.verdict, reason)
        here = f"{label}: {_in_words(claim, of_longer)}"
        if again == judgement:
            reason = f"{judgement.reason}; " if judgement.reason else ""
            return measured, Judgement(judgement.verdict, f"{reason}the same against {here}")
        unsettled = f"{unsettled}, and against {here}, {again.verdict}"
    return measured, Judgement(Verdict.UNDECIDED, unsettled)


def _in_words(claim: Claim, measured: Sample) -> str:
    return wording.measured(*measured.mean[:3], claim.quantity.unit)
