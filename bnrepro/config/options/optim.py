"""What a run is told of its optimizer."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bnrepro.config.options.section import Epsilon, NaturalInt, Positive, PositiveInt, Rate, Section


class _Optimizer(Section):
    name: str
    """The optimizer."""
    lr: Rate
    """Base learning rate. The paper: 0.0015 on ImageNet (Section 4.2.2); none given for MNIST."""
    lr_multiplier: Rate
    """Factor on the base rate: the paper's x5 and x30 (Section 4.2.2)."""
    weight_decay: Rate
    """L2 penalty on all parameters, as a factor: g <- g + weight_decay w; with adamw apart from the
    gradient: w <- w - rate weight_decay w. The paper divides it by 5 for the accelerated networks
    (Section 4.2.1) and gives no value."""
    schedule: Literal["exponential", "cosine", "linear"] = "exponential"
    """How the rate falls: exponential, by decay_factor, as the paper's; cosine (Loshchilov & Hutter
    2017) and linear reach 0 at the run's end."""
    warmup_steps: NaturalInt = 0
    """Steps over which the rate rises linearly to what the schedule begins with (Goyal et al. 2017,
    Section 2.2, who begin with the rate of one group, here with 0). Presets: 0 with one group, else
    1/18 of the run, their 5 epochs of 90."""
    scaling: Literal["linear", "none"] = "linear"
    """How the rate follows groups. linear: groups times as large (Goyal et al. 2017, Section 2.1);
    none: not at all."""
    decay_factor: Annotated[Positive, Field(le=1)]
    """schedule=exponential: the rate is multiplied by this every decay_every steps; 1: constant.
    GoogLeNet: 0.96."""
    decay_every: PositiveInt
    """Steps between decays of the rate. GoogLeNet: 8 epochs, 320,000 steps of the paper."""

    def learning_rate(self, step: int, steps: int, groups: int) -> float:
        """The rate of update number ``step``, from 0, in a run of ``steps`` of this many groups."""
        rate = self.lr * self.lr_multiplier * self._warmup(step) * self._decay(step, steps)
        return rate * groups if self.scaling == "linear" else rate

    def _warmup(self, step: int) -> float:
        return (step + 1) / self.warmup_steps if step < self.warmup_steps else 1.0

    def _decay(self, step: int, steps: int) -> float:
        if self.schedule == "exponential":
            return self.decay_factor ** (step // self.decay_every)
        after = max(0, step - self.warmup_steps) / (steps - self.warmup_steps)
        return 1 - after if self.schedule == "linear" else (1 + math.cos(math.pi * after)) / 2


class Sgd(_Optimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    """The optimizer."""
    momentum: Annotated[Rate, Field(lt=1)]
    """Weight of the past in the update v <- momentum v + g. The paper gives no value."""
    nesterov: bool = False
    """Nesterov's momentum (Sutskever et al. 2013): the update is g + momentum v."""
    bias_rate: Rate = 1.0
    """Factor on the rate of the biases of linear maps and convolutions. Caffe's GoogLeNet: 2."""
    bias_decay: bool = True
    """Whether the L2 penalty is on those biases, too. Caffe's GoogLeNet: no."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("optim.nesterov=true: needs optim.momentum=..., for example 0.9")
        return self


class Adam(_Optimizer):
    """Adam (Kingma & Ba 2015)."""

    name: Literal["adam", "adamw"]
    """adamw: with decoupled weight decay (Loshchilov & Hutter 2019)."""
    beta_1: Annotated[Rate, Field(lt=1)]
    """Weight of the past in the mean of the gradients."""
    beta_2: Annotated[Rate, Field(lt=1)]
    """Weight of the past in the mean of their squares."""
    eps: Epsilon
    """Added to the root of the mean of the squares."""
