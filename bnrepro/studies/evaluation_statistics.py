"""Section 3.1: what BN normalizes by at evaluation, and how far moving averages lag behind."""

from bnrepro.measure.quantities import last
from bnrepro.runs.tags import accuracy_by
from bnrepro.studies.study import Column, Curves, Ends, Line, Series, Study, Table

# The darker the smaller.
_COLORS = {
    2: "#0d0887",
    4: "#5901a5",
    8: "#9c179e",
    16: "#cb4679",
    32: "#ed7953",
    60: "#fdb42f",
}
_EVALUATED = (2, 4, 8, 16, 32, 64, 128, 256)
_FIXED = {"moving": "moving averages", "population": "Algorithm 2", "pooled": "pooled"}
_BATCHES = {f"batch_{size}": str(size) for size in _EVALUATED}
_LAG = "moving_minus_population"

STUDY = Study(
    name="evaluation_statistics",
    title="Section 3.1: what BN normalizes by at evaluation",
    question="Which statistics should BN use at evaluation, and do moving averages do?",
    lines=tuple(
        Line(f"trained in {size}s", "evaluation_statistics", (f"batch_size={size}",), color)
        for size, color in _COLORS.items()
    ),
    series=(
        *(Series(name, accuracy_by(name)) for name in (*_BATCHES, *_FIXED)),
        Series(_LAG, accuracy_by("moving"), minus=accuracy_by("population")),
    ),
    panels=(
        Ends(
            "(a) at the end of training",
            (*_BATCHES, *_FIXED),
            (*_BATCHES.values(), "moving averages", "Algorithm 2", "pooled"),
            "examples in an evaluation mini-batch, or fixed statistics",
            "test accuracy",
        ),
        Curves(
            "(b) during training: Algorithm 2, moving averages dashed",
            ("population", "moving"),
            "test accuracy",
            y_range=(0, 1),
            log_x=True,
        ),
        Curves(
            "(c) moving averages\nminus Algorithm 2",
            (_LAG,),
            "difference in test accuracy",
            log_x=True,
        ),
    ),
    table=Table(
        tuple(
            Column(f"by {title}", last(name, accuracy_by(name)), ".4f")
            for name, title in (_FIXED | {"batch_2": "pairs", "batch_256": "256s"}).items()
        )
    ),
    paper="Section 3.1; the paper gives no numbers of it",
)
