"""Seeds of one recipe as one run of the view: their mean, with its interval."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bnrepro.dashboard import events
from bnrepro.dashboard.charts import StudyCharts, interval_tags
from bnrepro.dashboard.follow import RESULTS, Progress, histogram_events, say_damaged
from bnrepro.dashboard.hparams import HParams, end
from bnrepro.dashboard.sources import Mark, Source, is_value, read_new_lines
from bnrepro.runs import State
from bnrepro.runs.tags import TEST_ACCURACY

if TYPE_CHECKING:
    import pandas as pd


def mean_events(
    name: str,
    seeds: Sequence[Source],
    hparams: HParams,
    charts: StudyCharts,
    say: Callable[[str], None],
) -> list[Any]:
    """What the seeds recorded, averaged at every step that two of them have.

    The accuracy has its 95 % interval under `interval_tags`. Histograms are those of the first
    seed.

    Args:
        name: of the mean in the view.
        seeds: two ended runs or more that differ in the seed alone.
        hparams: the table that it has a row of.
        charts: where it is shown.
        say: told of damaged rows.
    """
    # Heavy, and not needed where nothing changed since the last time.
    import pandas as pd

    first = seeds[0]
    tables = [_recorded(source, say) for source in seeds]
    by_step = pd.concat(tables).groupby(level=0)
    mean = by_step.mean().where(by_step.count() > 1)
    columns = {str(tag): values for tag, values in mean.items()}
    for tag, names in charts.tags(first.recipe, list(columns)).items():
        columns |= dict.fromkeys(names, mean[tag])
    columns |= _accuracy(tables, charts.names(first.recipe))
    shown = pd.DataFrame(columns).dropna(how="all")
    new = [events.summary(hparams.start(name, first.config, first.started))]
    for step, row in zip(shown.index, shown.to_dict("records"), strict=True):
        new.append(events.scalars(step, {str(tag): v for tag, v in row.items() if v == v}))
    if len(shown):
        new.append(events.scalars(shown.index[-1], _results(tables)))
    new += histogram_events(first, Progress(), say)
    new.append(events.summary(end(State.FINISHED, first.started)))
    return new


def _recorded(source: Source, say: Callable[[str], None]) -> "pd.DataFrame":
    """The values of a run, by step and tag; what is no number is absent."""
    import pandas as pd

    lines = read_new_lines(source.directory.metrics, Mark())
    say_damaged(source.directory.metrics, lines.damaged, say)
    values = [
        {tag: v for tag, v in row.items() if tag != "step" and is_value(v)} for row in lines.values
    ]
    return pd.DataFrame(values, index=[row["step"] for row in lines.values], dtype=float)


def _accuracy(tables: list["pd.DataFrame"], names: Sequence[str]) -> dict[str, "pd.Series"]:
    """The mean accuracy and its interval, under the names of studies."""
    import pandas as pd

    from bnrepro.measure.intervals import band_over_runs

    curves = [table[TEST_ACCURACY] for table in tables if TEST_ACCURACY in table]
    if not curves:
        return {}
    steps, band = band_over_runs(curves)
    several = band.n > 1
    return {
        tag: pd.Series(values[several], index=steps[several].astype(int))
        for name in names
        for tag, values in zip(interval_tags(name), (band.mean, band.low, band.high), strict=True)
    }


def _results(tables: list["pd.DataFrame"]) -> dict[str, float]:
    """The means of what a row of results shows."""
    import pandas as pd

    rows = []
    for table in tables:
        row = {tag: table[of].dropna().iloc[-1] for tag, of in RESULTS.items() if of in table}
        if TEST_ACCURACY in table:
            row["result/best_accuracy"] = table[TEST_ACCURACY].max()
        rows.append({**row, "result/steps": float(table.index[-1])})
    return {str(tag): float(value) for tag, value in pd.DataFrame(rows).mean().items()}
