"""Figure 4, Section 4.2.3: one crop, 144 crops, and the ensemble of six networks."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bnrepro.measure.intervals import mean_over_seeds
from bnrepro.measure.quantities import Quantity
from bnrepro.measure.verdict import Above
from bnrepro.measure.wording import interval, percent
from bnrepro.paper.figure4 import ENSEMBLE_SIZE, FIGURE_4, Figure4Row
from bnrepro.runs.ended import EndedRun, EndedRuns
from bnrepro.runs.predictions import Method, Predictions, ensemble, read_predictions
from bnrepro.studies.evidence import Evidence, gather
from bnrepro.studies.study import Claim, Line, OwnTable, Study

if TYPE_CHECKING:
    from bnrepro.config import RunConfig

_ENSEMBLE = "ensemble"
_ERRORS = ("top1_error", "top5_error")
_CROPS = (1, 144)

# The paper changes each member by "some of" larger initial weights of the convolutions, Dropout of
# 5 % or of 10 %, and per-activation normalization in some last hidden layers. It does not say which
# member has which, nor how much larger: the six here, and the factor 2, are assumptions. Members of
# one ensemble share its seed; the paper does not speak of seeds.
_MEMBERS = {
    "larger weights": ("model.conv_gain=2.0",),
    "Dropout 5 %": ("model.dropout=0.05",),
    "Dropout 10 %": ("model.dropout=0.1",),
    "per activation": ("model.per_activation_modules=2",),
    "larger weights, Dropout 5 %": ("model.conv_gain=2.0", "model.dropout=0.05"),
    "per activation, Dropout 10 %": ("model.per_activation_modules=2", "model.dropout=0.1"),
}


def _methods(config: "RunConfig") -> list[Method]:
    """How a member is evaluated: as in training, on the centre and on 144 crops."""
    evaluation = config.evaluation
    batches = evaluation.population_batches if evaluation.statistics == "population" else 0
    return [Method(evaluation.statistics, batches, crops) for crops in _CROPS]


def _keep_predictions(study: Study, scale: str, runs: Path, folder: Path) -> None:
    """Predict the held-out data by every member that finished; kept in its run directory."""
    from joblib import cpu_count

    from bnrepro.inference import keep_predictions

    evidence = gather(study, scale, EndedRuns(runs), folder)
    members = [run for of_line in evidence.runs.values() for run in of_line if not run.diverged]
    keep_predictions(
        [(run.directory, _methods(run.config)) for run in members], cpu_count(), "auto"
    )


def _errors(evidence: Evidence) -> pd.DataFrame:
    """Every member, and the ensemble of every seed that has all six: a row a crop count."""
    rows = []
    seeds = sorted({run.seed for of_line in evidence.runs.values() for run in of_line})
    for seed in seeds:
        members = {
            label: run
            for label, of_line in evidence.runs.items()
            for run in of_line
            if run.seed == seed and not run.diverged
        }
        for crops in _CROPS:
            predictions = _read(members, crops)
            rows += [_row(seed, label, crops, one) for label, one in predictions.items()]
            if len(predictions) == ENSEMBLE_SIZE:
                together = ensemble(list(predictions.values()))
                rows.append(_row(seed, _ENSEMBLE, crops, together))
    return pd.DataFrame(rows, columns=["seed", "model", "crops", "examples", *_ERRORS])


def _read(members: dict[str, EndedRun], crops: int) -> dict[str, Predictions]:
    predictions = {}
    for label, run in members.items():
        method = next(one for one in _methods(run.config) if one.crops == crops)
        kept = read_predictions(run.directory, method)
        if kept is not None:
            predictions[label] = kept
    return predictions


def _row(seed: int, model: str, crops: int, predictions: Predictions) -> dict[str, object]:
    errors = (1 - predictions.accuracy(1), 1 - predictions.accuracy(5))
    return {
        "seed": seed,
        "model": model,
        "crops": crops,
        "examples": len(predictions),
        **dict(zip(_ERRORS, errors, strict=True)),
    }


def _cells(errors: pd.DataFrame) -> pd.DataFrame:
    """The rows of the paper: ours as means over seeds of the mean over members."""
    rows = []
    for row in FIGURE_4:
        by_seed = _of_row(errors, row)
        cells = {
            "model": row.model,
            "crops": "-" if row.crops is None else str(row.crops),
            "models": "-" if row.models is None else str(row.models),
            "seeds": str(len(by_seed)) if len(by_seed) else "-",
        }
        for error, paper in zip(_ERRORS, (row.top1_error, row.top5_error), strict=True):
            name = error.replace("_", " ").replace("top", "top-")
            mean, low, high, n = mean_over_seeds(by_seed[error].to_numpy(dtype=np.float64))
            here = interval(100 * mean, 100 * low, 100 * high, ".2f") + " %"
            cells[f"{name}, here"] = here if n else "not run here"
            cells[f"{name}, paper"] = percent(paper)
        rows.append(cells)
    return pd.DataFrame(rows)


def _of_row(errors: pd.DataFrame, row: Figure4Row) -> pd.DataFrame:
    of_crops = errors[errors["crops"] == row.crops] if row.is_ours else errors[:0]
    is_ensemble = of_crops["model"] == _ENSEMBLE
    of_row = of_crops[is_ensemble if row.models == ENSEMBLE_SIZE else ~is_ensemble]
    return of_row.groupby("seed")[list(_ERRORS)].mean()


def _ensemble_gain(evidence: Evidence) -> dict[int, float]:
    """How far each seed's ensemble is below its best member in top-1 error, on 144 crops."""
    errors = _errors(evidence)
    errors = errors[errors["crops"] == _CROPS[-1]]
    is_ensemble = errors["model"] == _ENSEMBLE
    together = errors[is_ensemble].set_index("seed")["top1_error"]
    best = errors[~is_ensemble].groupby("seed")["top1_error"].min()
    return _by_seed(best - together)


def _crops_gain(evidence: Evidence) -> dict[int, float]:
    """How far 144 crops are below one in top-1 error, the mean over members."""
    errors = _errors(evidence)
    members = errors[errors["model"] != _ENSEMBLE]
    by_crops = members.groupby(["seed", "crops"])["top1_error"].mean().unstack()
    if not set(_CROPS) <= set(by_crops.columns):
        return {}
    return _by_seed(by_crops[_CROPS[0]] - by_crops[_CROPS[-1]])


def _by_seed(gains: pd.Series) -> dict[int, float]:
    known = gains.dropna()
    return dict(zip(known.index.to_list(), known.to_list(), strict=True))


def _points(name: str, sentence: str) -> Quantity:
    """A quantity that is computed from a table."""
    return Quantity(name, sentence, "points", lambda _run, _reference: np.nan)


_OURS = {(row.crops, row.models): row for row in FIGURE_4 if row.is_ours}
_ONE, _MANY, _TOGETHER = (_OURS[key] for key in ((1, 1), (144, 1), (144, ENSEMBLE_SIZE)))

STUDY = Study(
    name="fig4",
    title="Figure 4: many crops, and the ensemble",
    question="How much do 144 crops and an ensemble of six networks gain?",
    lines=tuple(Line(label, "fig2/bn_x30", changed) for label, changed in _MEMBERS.items()),
    table=OwnTable(_errors, _cells),
    claims=(
        Claim(
            "many_crops",
            "4.2.3",
            "144 crops have a lower error than one",
            _points("crops_gain", "top-1 error on one crop minus that on 144, mean over members"),
            Above(0, _ONE.top1_error - _MANY.top1_error),
            paper=_ONE.top1_error - _MANY.top1_error,
            table=_crops_gain,
        ),
        Claim(
            "ensemble",
            "4.2.3",
            "The ensemble of six networks has a lower error than a single one",
            _points("ensemble_gain", "top-1 error of the best member minus that of the ensemble"),
            Above(0, _MANY.top1_error - _TOGETHER.top1_error),
            paper=_MANY.top1_error - _TOGETHER.top1_error,
            table=_ensemble_gain,
        ),
    ),
    prepare=_keep_predictions,
    paper="Figure 4 of the paper; errors on ImageNet",
    beside_paper=True,
)
