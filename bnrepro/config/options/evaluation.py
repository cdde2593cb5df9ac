"""What a run is told of its evaluation, and what it records."""

from typing import Annotated, Literal

from pydantic import Field

from bnrepro.config.options.section import SELECTION, NaturalInt, PositiveInt, Section

Statistics = Literal["population", "pooled", "moving"]
Measure = Literal[
    "activation_histograms",
    "activation_inputs",
    "evaluation_statistics",
    "gamma",
    "gradient_norms",
    "gradient_shift",
    "jacobian",
    "landscape",
    "saturation",
    "training_set",
    "weight_norms",
]


class Evaluation(Section):
    """When and how the network is evaluated on held-out data."""

    every: PositiveInt
    """Steps between evaluations; step 0 and the last step are always evaluated. Figure 1 has a
    sample every 250 steps if its axis spans 50,000 (an inference)."""
    statistics: Statistics
    """What batch normalization uses at evaluation. population: Algorithm 2's averages over training
    mini-batches; pooled: the variance of all their examples together, which does not assume that
    those of a mini-batch are independent (Wu & Johnson 2021); moving: the moving averages (Section
    3.1 allows them for tracking accuracy)."""
    population_batches: PositiveInt
    """Training mini-batches (of the training size) that population and pooled statistics are
    estimated from, all where an epoch has fewer. The paper: "multiple" (Section 3.1)."""
    at: Annotated[tuple[PositiveInt, ...], Field(strict=False)] = ()
    """Steps that are evaluated besides, where every is too coarse: [1, 3, 10]."""
    compare: Annotated[
        tuple[Literal[Statistics, "batch"], ...], Field(min_length=1), *SELECTION
    ] = ("batch", "moving", "population")
    """What the measure evaluation_statistics evaluates with: any of the above, and batch: the held-
    out mini-batch's own statistics, in mini-batches of 2, 4, ... 256 examples (Section 3.1)."""

    def due(self, steps: int) -> frozenset[int]:
        """The steps of a run of this many at which it is evaluated."""
        regular = range(0, steps, self.every)
        return frozenset({*regular, *(step for step in self.at if step < steps), steps})


class Probe(Section):
    """What the measures of the inputs to the nonlinearities look at (Figure 1(b, c))."""

    unit: NaturalInt
    """The one unit (or feature map) of each hidden layer whose inputs are followed; fixed before
    training. The paper shows "one typical" unit and does not say which."""
    examples: PositiveInt
    """Held-out examples, the first ones, on which the inputs are observed; all where there are
    fewer. The paper does not say on which."""


class Record(Section):
    """What goes into metrics.jsonl."""

    every: PositiveInt
    """Steps between rows of the training loss (mean cross-entropy, in nats, since the last row)."""
