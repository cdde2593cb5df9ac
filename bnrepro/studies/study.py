"""What a study is, as plain data: the lines that answer a question, panels, a table, claims.

A study neither computes nor draws. `bnrepro.measure` computes its quantities and verdicts, and the
renderers of `bnrepro.render` are handed it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bnrepro.measure.quantities import Quantity, SeedValues
from bnrepro.measure.verdict import Rule
from bnrepro.runs.tags import TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS

if TYPE_CHECKING:
    import pandas as pd

    from bnrepro.studies.evidence import Evidence

XAxis = Literal["step", "examples", "seconds"]
"""What an axis of training counts: updates, examples seen, or seconds of training."""

PALETTE = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
"""Colours that people with any colour vision tell apart (Okabe & Ito 2008)."""


@dataclass(frozen=True)
class Line:
    """An experiment with overrides, averaged over seeds.

    Attributes:
        label: in legends and tables.
        experiment: the preset.
        overrides: of Hydra, besides scale and seed.
        color: of its line.
        paper: the paper's digitized curve of a series, by the series' name.
        numbers: the paper's own number of a quantity, by the quantity's name.
        group: lines of one group are joined where a quantity is drawn against ``x``.
        x: the line's place on such an axis.
        doubles: label of the line that this one trains twice as long. A claim whose reference
            still rises where it was stopped is judged against this one; against both, if this one
            still rises, too.
    """

    label: str
    experiment: str
    overrides: tuple[str, ...] = ()
    color: str = PALETTE[0]
    paper: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    group: str = ""
    x: float = float("nan")
    doubles: str = ""


@dataclass(frozen=True)
class Series:
    """A recorded curve.

    Attributes:
        name: in tables.
        tag: recorded; ``{last}`` stands for the last layer whose inputs were recorded.
        minus: another tag, subtracted.
    """

    name: str
    tag: str
    minus: str = ""

    @property
    def is_accuracy(self) -> bool:
        """Whether its values lie between 0 and 1."""
        return self.tag.endswith("/accuracy") and not self.minus


ACCURACY = Series("accuracy", TEST_ACCURACY)
LOSS = Series("loss", TEST_LOSS)
TRAINING_LOSS = Series("train_loss", TRAIN_LOSS)


@dataclass(frozen=True)
class Curves:
    """Series against the training step: the mean over seeds with its interval.

    Attributes:
        title: above the panel.
        series: names; the second and later ones are dashed unless each has a paper's curve.
        y: the axis.
        lines: labels of those that are drawn; empty: all.
        x: what the axis counts.
        share: of the longest curve that is shown.
        y_range: of the axis; None: what the curves need. It grows where they need more.
        log_x: a logarithmic axis of steps.
        log_y: a logarithmic axis of values.
        each_seed: thin lines for the single seeds, too.
        beside_paper: the paper's curves are laid over ours.
        target: a dotted line at the best level of the study's reference, and a diamond where each
            mean curve first reaches it.
    """

    title: str
    series: tuple[str, ...]
    y: str
    lines: tuple[str, ...] = ()
    x: XAxis = "step"
    share: float = 1.0
    y_range: tuple[float, float] | None = None
    log_x: bool = False
    log_y: bool = False
    each_seed: bool = False
    beside_paper: bool = False
    target: bool = False


@dataclass(frozen=True)
class PaperCurves:
    """The paper's own curves of a series, on the paper's axes.

    Attributes:
        title: above the panel.
        series: the name.
        y: the axis.
        x_range: in units of ``x_unit``.
        y_range: of the axis.
        x_unit: steps that one unit of the axis stands for.
        x: the axis.
        target: an accuracy, drawn dotted; a diamond where the paper's table says a curve reaches
            it (`Line.numbers`).
    """

    title: str
    series: str
    y: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_unit: float
    x: str
    target: float


@dataclass(frozen=True)
class Ends:
    """The last value of several series, side by side; a line joins those of an experiment.

    Attributes:
        title: above the panel.
        series: names, in the order of the axis.
        names: what the axis calls them.
        x: the axis.
        y: the axis.
    """

    title: str
    series: tuple[str, ...]
    names: tuple[str, ...]
    x: str
    y: str


@dataclass(frozen=True)
class Against:
    """A quantity of each line at the line's place on an axis, one colour a group.

    Attributes:
        title: above the panel.
        quantity: what is drawn, the mean over seeds with its interval.
        x: the axis.
        y: the axis.
        place: of a line on the axis; None: its ``x``.
        groups: those that are drawn; empty: all.
        log_x: a logarithmic axis.
        log_y: likewise.
    """

    title: str
    quantity: Quantity
    x: str
    y: str
    place: "Callable[[Evidence, Line], float] | None" = None
    groups: tuple[str, ...] = ()
    log_x: bool = True
    log_y: bool = False

    @property
    def is_set(self) -> bool:
        """Whether places are what the lines were told, so that a group is a curve over them."""
        return self.place is None


@dataclass(frozen=True)
class Prepared:
    """Columns of a table that the study has prepared; rows alike but for their seed are averaged.

    Attributes:
        title: above the panel.
        table: its file name.
        group: the column that tells the lines apart.
        columns: those on the axes.
        x: the axis.
        y: the axis.
        log_x: a logarithmic axis.
        log_y: likewise.
    """

    title: str
    table: str
    group: str
    columns: tuple[str, str]
    x: str
    y: str
    log_x: bool = False
    log_y: bool = False


Panel = Curves | PaperCurves | Ends | Against | Prepared


@dataclass(frozen=True)
class Column:
    """A quantity of every line, beside the paper's number where a line has one (`Line.numbers`).

    Attributes:
        heading: of the column.
        quantity: measured.
        form: of the numbers, as in a format string.
    """

    heading: str
    quantity: Quantity
    form: str


@dataclass(frozen=True)
class Table:
    """A row a line.

    Attributes:
        columns: after the line's label and its seeds.
    """

    columns: tuple[Column, ...]


@dataclass(frozen=True)
class OwnTable:
    """A table that is no row a line.

    Attributes:
        rows: makes it from what there is: numbers, for the CSV.
        cells: of that, as it is shown: headings as columns, text as values.
    """

    rows: Callable[["Evidence"], "pd.DataFrame"]
    cells: Callable[["pd.DataFrame"], "pd.DataFrame"]


@dataclass(frozen=True)
class Claim:
    """A sentence that numbers can check.

    Attributes:
        name: its key in tables.
        section: of the paper, or of the source; empty: not known to a section.
        sentence: what is said there, shortened.
        quantity: what is measured, a seed.
        rule: from the numbers to the verdict.
        line: label of the line that is measured.
        reference: label of the line that it is compared with; empty: none.
        paper: the paper's own number, or the source's; NaN: it gives none.
        source: who says so, where it is not the paper; empty: the paper.
        plateau: the comparison depends on where the reference was stopped, unless it had levelled
            off there or the paper stopped it there.
        table: measures it on a table of the study instead of runs; empty: there is none yet.
    """

    name: str
    section: str
    sentence: str
    quantity: Quantity
    rule: Rule
    line: str = ""
    reference: str = ""
    paper: float = float("nan")
    source: str = ""
    plateau: bool = True
    table: Callable[["Evidence"], SeedValues] | None = None


@dataclass(frozen=True)
class Study:
    """A question, and what answers it.

    Attributes:
        name: of its file, its folder of results, and on the command line.
        title: above its part of the report.
        question: in one line, for lists and help.
        lines: those that are trained and drawn.
        reference: label of the line that others are compared with; empty: none.
        series: recorded curves that its files and panels show.
        panels: of its picture, from left to right.
        table: its numbers.
        claims: sentences that it checks.
        prepare: computes, with torch where it must, what is read from its folder or from the run
            directories before it is drawn: (study, scale, runs, folder).
        answer: to the question, one sentence computed from what came out; empty: not known yet.
        remarks: further sentences computed from what came out.
        legend: what its lines are, where their labels do not say it.
        paper: what to know of the paper's numbers.
        numbers_of: whose numbers `Line.numbers` are.
        sources: who said what, each with section, equation or figure.
        collection: that it belongs to, of `registry.COLLECTIONS`; empty: none.
        beside_paper: the report says in what its lines differ from the paper's; a study of ours
            has no counterpart there.
    """

    name: str
    title: str
    question: str
    lines: tuple[Line, ...] = ()
    reference: str = ""
    series: tuple[Series, ...] = (ACCURACY, LOSS, TRAINING_LOSS)
    panels: tuple[Panel, ...] = ()
    table: Table | OwnTable | None = None
    claims: tuple[Claim, ...] = ()
    prepare: "Callable[[Study, str, Path, Path], None] | None" = None
    answer: Callable[["Evidence"], str] | None = None
    remarks: Callable[["Evidence"], list[str]] | None = None
    legend: str = ""
    paper: str = ""
    numbers_of: str = "paper"
    sources: tuple[str, ...] = ()
    collection: str = ""
    beside_paper: bool = False

    def __post_init__(self) -> None:
        """Lines, series and quantities that are spoken of are there.

        Raises:
            ValueError: one is not.
        """
        labels = [line.label for line in self.lines]
        spoken_of = [("reference", self.reference)]
        for claim in self.claims:
            spoken_of += [(f"{claim.name}: line", claim.line)]
            spoken_of += [(f"{claim.name}: reference", claim.reference)]
        for what, label in spoken_of:
            if label and label not in labels:
                raise ValueError(f"{what}={label!r}: no such line; there are {', '.join(labels)}")
        names = [series.name for series in self.series]
        for panel in self.panels:
            for name in panel.series if isinstance(panel, Curves | Ends) else ():
                if name not in names:
                    there = ", ".join(names)
                    raise ValueError(f"series={name!r}: no such series; there are {there}")
        for column in self.table.columns if isinstance(self.table, Table) else ():
            if not isinstance(column.quantity, Quantity):
                raise ValueError(
                    f"{column.heading!r}: {column.quantity!r} is no quantity; for example final()"
                )

    def line(self, label: str) -> Line:
        """The line of a label.

        Raises:
            KeyError: there is none.
        """
        for line in self.lines:
            if line.label == label:
                return line
        raise KeyError(label)
