"""From gradients to the next parameters: the paper's SGD with momentum, and Adam.

Both are torch's own functions: fused, one kernel for all parameters; but under torch.compile, which
does not look into that kernel, as single operations that it fuses by itself.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd


class Optimizer(Protocol):
    """Updates parameters in place; a function of tensors, so that it can be compiled.

    Attributes:
        parameters: what it updates.
        state: what it remembers from step to step; zeros before the first.
    """

    parameters: list[Tensor]
    state: list[Tensor]

    def __call__(self, gradients: list[Tensor], lr: Tensor) -> None:
        """One update.

        Args:
            gradients: of the loss, one for each parameter.
            lr: the learning rate, a scalar tensor on the parameters' device.
        """


class Sgd:
    """Stochastic gradient descent with momentum.

    v <- momentum v + (g + weight_decay w); w <- w - lr v, by Nesterov w <- w - lr (g + momentum v).
    The biases of linear maps may have a rate of their own and go without the penalty, as in Caffe's
    recipes.

    Args:
        model: on its device.
        momentum: weight of the past in v.
        weight_decay: L2 penalty on every parameter.
        nesterov: look ahead by one step.
        bias_rate: factor on the rate of the biases of linear maps; a norm's beta is none.
        bias_decay: whether the penalty is on them, too.
    """

    def __init__(
        self,
        model: nn.Module,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        bias_rate: float = 1.0,
        bias_decay: bool = True,
    ) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        self.parameters: list[Tensor] = _trained(model)
        self.state = [torch.zeros_like(p) for p in self.parameters] if momentum else []
        biases = _linear_biases(model)
        # Their rate is a factor on the gradient, the penalty's included.
        kinds = (
            (False, 1.0, weight_decay),
            (True, bias_rate, bias_rate * bias_decay * weight_decay),
        )
        self._groups = [
            (
                [i for i, p in enumerate(self.parameters) if (id(p) in biases) == is_bias],
                rate,
                decay,
            )
            for is_bias, rate, decay in kinds
        ]

    def __call__(self, gradients: list[Tensor], lr: Tensor) -> None:
        """See `Optimizer`."""
        compiling = torch.compiler.is_compiling()
        for indices, rate, decay in self._groups:
            if not indices:
                continue
            parameters = [self.parameters[i] for i in indices]
            own = [_laid_out_as(self.parameters[i], gradients[i]) for i in indices]
            sgd(
                parameters,
                own if rate == 1.0 else list(torch._foreach_mul(own, rate)),
                [self.state[i] for i in indices] if self.momentum else [None] * len(indices),
                fused=not compiling,
                foreach=compiling,
                weight_decay=decay,
                momentum=self.momentum,
                lr=lr,
                dampening=0.0,
                nesterov=self.nesterov,
                maximize=False,
            )


class Adam:
    """Adam (Kingma & Ba 2015).

    Args:
        model: on its device.
        beta_1: weight of the past in the mean of the gradients.
        beta_2: weight of the past in the mean of their squares.
        eps: added to the root of the latter.
        weight_decay: on every parameter.
        decoupled: the decay apart from the gradient (AdamW, Loshchilov & Hutter 2019).
    """

    def __init__(
        self,
        model: nn.Module,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.eps = eps
        self.weight_decay = weight_decay
        self.decoupled = decoupled
        self.parameters: list[Tensor] = _trained(model)
        self._means = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        self._steps = [torch.zeros((), device=p.device) for p in self.parameters]
        self.state = [*self._means, *self._squares, *self._steps]

    def __call__(self, gradients: list[Tensor], lr: Tensor) -> None:
        """See `Optimizer`."""
        compiling = torch.compiler.is_compiling()
        adam(
            self.parameters,
            [_laid_out_as(p, g) for p, g in zip(self.parameters, gradients, strict=True)],
            self._means,
            self._squares,
            [],
            self._steps,
            fused=not compiling,
            foreach=compiling,
            capturable=compiling,
            decoupled_weight_decay=self.decoupled,
            amsgrad=False,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=lr,
            weight_decay=self.weight_decay,
            eps=self.eps,
            maximize=False,
        )


class GroupOptimizer:
    """Takes the place of an optimizer in the step of one group: keeps the gradient for later.

    Args:
        optimizer: updates the parameters once the gradients of all groups are known.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.parameters = optimizer.parameters
        self.state = optimizer.state
        self.gradients = [torch.zeros_like(parameter) for parameter in self.parameters]

    def __call__(self, gradients: list[Tensor], lr: Tensor) -> None:
        """Keep the gradients; the parameters stay."""
        torch._foreach_copy_(self.gradients, gradients)


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the parameter's memory layout, by which fused kernels pair values."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _trained(model: nn.Module) -> list[Tensor]:
    """Its parameters; a network of the user's own may have some that stay as they are."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _linear_biases(model: nn.Module) -> set[int]:
    """The identities of the biases of linear maps and convolutions."""
    return {
        id(module.bias)
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None
    }
