"""Figure 4, Section 4.2.3: one crop, 144 crops, and the ensemble of six networks."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnrepro.measure import recorded
from bnrepro.measure.intervals import mean_over_seeds
from bnrepro.measure.quantities import Quantity
from bnrepro.measure.verdict import Above
from bnrepro.measure.wording import interval, percent
from bnrepro.paper.figure4 import ENSEMBLE_SIZE, FIGURE_4, Figure4Row
from bnrepro.runs.ended import EndedRuns
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
    chosen = config.evaluation
    return [Method.of(chosen.statistics, chosen.population_batches, crops) for crops in _CROPS]


def _keep_predictions(study: Study, scale: str, runs: Path, folder: Path) -> None:
    """Predict the held-out data by every member that finished; kept in its run directory."""
    from bnrepro.cores import usable_cores
    from bnrepro.inference import keep_predictions

    evidence = gather(study, scale, EndedRuns(runs), folder)
    members = [run for of_line in evidence.runs.values() for run in of_line if not run.diverged]
    keep_predictions(
        [(run.directory, _methods(run.config)) for run in members], usable_cores(), "auto"
    )


def _errors(evidence: Evidence) -> pd.DataFrame:
    """Every member, and the ensemble of every seed that has all six: a row a crop count."""
    rows = []
    for seed in _seeds(evidence):
        for crops in _CROPS:
            members = _read(evidence, seed, crops)
            rows += [_row(seed, label, crops, member) for label, member in members.items()]
            if len(members) == ENSEMBLE_SIZE:
                together = ensemble(list(members.values()))
                rows.append(_row(seed, _ENSEMBLE, crops, together))
    return pd.DataFrame(rows, columns=["seed", "model", "crops", "examples", *_ERRORS])


def _seeds(evidence: Evidence) -> list[int]:
    return sorted({run.seed for of_line in evidence.runs.values() for run in of_line})


def _read(evidence: Evidence, seed: int, crops: int) -> dict[str, Predictions]:
    """The kept predictions of a seed's members, by label."""
    predictions = {}
    for label, of_line in evidence.runs.items():
        for run in of_line:
            if run.seed != seed or run.diverged:
                continue
            method = next(one for one in _methods(run.config) if one.crops == crops)
            known = read_predictions(run.directory, method)
            if known is not None:
                predictions[label] = known
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


def _ensemble_gain(evidence: Evidence) -> dict[int, NDArray[np.float64]]:
    """What each seed's ensemble gets right and its best member does not, on 144 crops."""
    gains = {}
    for seed in _seeds(evidence):
        members = [*_read(evidence, seed, _CROPS[-1]).values()]
        if len(members) == ENSEMBLE_SIZE:
            best = max(members, key=lambda member: member.correct(1))
            gains[seed] = _difference(ensemble(members), best)
    return gains


def _crops_gain(evidence: Evidence) -> dict[int, NDArray[np.float64]]:
    """What 144 crops get right and one does not, the mean over members."""
    gains = {}
    for seed in _seeds(evidence):
        one, many = (_read(evidence, seed, crops) for crops in _CROPS)
        both = [_difference(many[label], one[label]) for label in one if label in many]
        if both:
            gains[seed] = np.mean(both, axis=0)
    return gains


def _difference(better: Predictions, worse: Predictions) -> NDArray[np.float64]:
    """(N,): 1 where only the first is right, -1 where only the second is, else 0."""
    return better.is_correct(1).astype(np.float64) - worse.is_correct(1)


def _points(name: str, sentence: str) -> Quantity:
    """A quantity that is computed from predictions."""
    sentence += " (interval over held-out images, by a paired bootstrap)"
    return recorded.across_runs(name, sentence, "points")


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
            Above(0, _ONE.top1_error - _MANY.top1_error, over_examples=True),
            paper=_ONE.top1_error - _MANY.top1_error,
            table=_crops_gain,
        ),
        Claim(
            "ensemble",
            "4.2.3",
            "The ensemble of six networks has a lower error than a single one",
            _points("ensemble_gain", "top-1 error of the best member minus that of the ensemble"),
            Above(0, _MANY.top1_error - _TOGETHER.top1_error, over_examples=True),
            paper=_MANY.top1_error - _TOGETHER.top1_error,
            table=_ensemble_gain,
        ),
    ),
    prepare=_keep_predictions,
    paper="Figure 4 of the paper; errors on ImageNet",
    beside_paper=True,
)
