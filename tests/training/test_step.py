import copy
import logging
from collections.abc import Callable, Iterable
from functools import partial

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

from bnrepro.config import load
from bnrepro.data.augmentation import Augmentation
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Split
from bnrepro.data.order import FULL
from bnrepro.training.compiler import compile_step
from bnrepro.training.optimizers import Adam, Optimizer, Sgd
from bnrepro.training.session import build_session
from bnrepro.training.step import TrainingStep, with_its_batch

CPU = torch.device("cpu")
_NONE = Augmentation("none", 4, False, "none")


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


def _convolutions() -> nn.Module:
    """With the channels last: gradients may be laid out otherwise."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(20, 3)
    )
    return model.to(memory_format=torch.channels_last)


def _without_biases() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False))


def _batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (
            torch.randint(0, 2, (12, 1, 4, 4), generator=generator, dtype=torch.uint8),
            torch.randint(0, 3, (12,), generator=generator),
        )
        for _ in range(count)
    ]


def _as_it_is(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """A mini-batch is its own ingredients."""
    return images, labels


MakeOptimizer = Callable[[nn.Module], Optimizer]
MakeReference = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@pytest.mark.parametrize(
    ("make", "make_reference"),
    [
        (Sgd, partial(torch.optim.SGD, lr=0.1)),
        (partial(Sgd, momentum=0.9), partial(torch.optim.SGD, lr=0.1, momentum=0.9)),
        (
            partial(Sgd, momentum=0.9, weight_decay=0.01),
            partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01),
        ),
        (
            partial(Sgd, momentum=0.9, weight_decay=0.01, nesterov=True),
            partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
        ),
        (
            partial(Adam, beta_1=0.8, weight_decay=0.01),
            partial(torch.optim.Adam, lr=0.1, betas=(0.8, 0.999), weight_decay=0.01),
        ),
        (
            partial(Adam, beta_2=0.9, eps=1e-3, weight_decay=0.01, decoupled=True),
            partial(torch.optim.AdamW, lr=0.1, betas=(0.9, 0.9), eps=1e-3, weight_decay=0.01),
        ),
    ],
)
@pytest.mark.parametrize("make_model", [_model, _convolutions])
def test_equals_torchs_optimizer(
    make_model: Callable[[], nn.Module], make: MakeOptimizer, make_reference: MakeReference
) -> None:
    ours, theirs = make_model(), make_model()
    step = TrainingStep(ours, Tensor.float, make(ours))
    optimizer = make_reference(theirs.parameters())
    for images, labels in _batches(5):
        loss = step(images, labels, torch.tensor(0.1))
        optimizer.zero_grad()
        expected = functional.cross_entropy(theirs(images.float()), labels)
        expected.backward()
        optimizer.step()
        assert_close(loss, expected.detach())
    for mine, reference in zip(
        ours.state_dict().values(), theirs.state_dict().values(), strict=True
    ):
        assert_close(mine, reference)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("bias_decay", [False, True])
@pytest.mark.parametrize("make_model", [_model, _convolutions, _without_biases])
def test_biases_of_linear_maps_have_a_rate_of_their_own(
    make_model: Callable[[], nn.Module], bias_decay: bool, nesterov: bool
) -> None:
    """Caffe's recipe: twice the rate and no penalty; a norm's beta is no such bias."""
    ours, theirs = make_model(), make_model()
    linear = [m for m in theirs.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    biases = [m.bias for m in linear if m.bias is not None]
    of_biases = {"params": biases, "lr": 0.2, "weight_decay": 0.01 * bias_decay}
    others = [p for p in theirs.parameters() if all(p is not bias for bias in biases)]
    step = TrainingStep(
        ours,
        Tensor.float,
        Sgd(ours, 0.9, 0.01, nesterov, bias_rate=2.0, bias_decay=bias_decay),
    )
    reference = torch.optim.SGD(
        [of_biases, {"params": others}], 0.1, momentum=0.9, weight_decay=0.01, nesterov=nesterov
    )
    for images, labels in _batches(4):
        step(images, labels, torch.tensor(0.1))
        reference.zero_grad()
        functional.cross_entropy(theirs(images.float()), labels).backward()
        reference.step()
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()))


@pytest.mark.parametrize(
    ("make_model", "make"),
    [
        (_model, partial(Sgd, momentum=0.9, weight_decay=0.01)),
        (_model, partial(Adam, weight_decay=0.01)),
        (_convolutions, partial(Sgd, momentum=0.9, weight_decay=0.01)),
    ],
)
def test_compiled_step_computes_the_same(
    make_model: Callable[[], nn.Module], make: MakeOptimizer
) -> None:
    eager, compiled = make_model(), make_model()
    plain = TrainingStep(eager, Tensor.float, make(eager))
    step = compile_step(
        TrainingStep(compiled, Tensor.float, make(compiled)), _as_it_is, "on", steps=1, device=CPU
    )
    assert step is not None
    for images, labels in _batches(4):
        assert_close(
            step(images, labels, torch.tensor(0.1)), plain(images, labels, torch.tensor(0.1))
        )
    for mine, reference in zip(
        compiled.state_dict().values(), eager.state_dict().values(), strict=True
    ):
        assert_close(mine, reference)


@pytest.mark.parametrize(
    ("augmentation", "sample", "is_mapped"),
    [
        (_NONE, False, False),
        (_NONE, True, False),
        (Augmentation("random", 4, True, "strong"), True, True),
    ],
)
def test_compiled_step_makes_the_same_mini_batches(
    augmentation: Augmentation, sample: bool, is_mapped: bool
) -> None:
    """Of a new epoch, too: its order is a new tensor."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randint(256, (30, 1, 6, 6), dtype=torch.uint8, generator=generator)
    if augmentation == _NONE:
        images = images[:, :, :4, :4].contiguous()
    split = Split(images, torch.randint(3, (30,), generator=generator), is_mapped)
    models = [_model(), _model()]
    for model, mode in zip(models, ("on", "off"), strict=True):
        batches = TrainingBatches(split, 12, 3, FULL, augmentation, CPU, sample)
        update = TrainingStep(model, lambda x: x / 255, Sgd(model))
        compiled = compile_step(update, batches.make, mode, steps=1, device=CPU)
        step = compiled or with_its_batch(update, batches.make)
        for number in range(5):
            step(*batches.ingredients(number), torch.tensor(0.1))
    # A bias in front of normalization has no gradient but for rounding.
    assert_close(models[0].state_dict(), models[1].state_dict(), rtol=1e-4, atol=1e-4)


def test_each_compiled_step_trains_its_own_network() -> None:
    """They are compiled without checks at each call: one must not be taken for another."""
    models = [_model(), _model()]
    models[1].load_state_dict({name: value + 1 for name, value in models[0].state_dict().items()})
    references = copy.deepcopy(models)
    steps = [
        compile_step(
            TrainingStep(model, Tensor.float, Sgd(model)), _as_it_is, "on", steps=1, device=CPU
        )
        for model in models
    ]
    for images, labels in _batches(4):
        for step, reference in zip(steps, references, strict=True):
            assert step is not None
            plain = TrainingStep(reference, Tensor.float, Sgd(reference))
            lr = torch.tensor(0.1)
            assert_close(step(images, labels, lr), plain(images, labels, lr))


def test_short_runs_stay_eager_and_long_ones_are_compiled() -> None:
    model = _model()
    step = TrainingStep(model, Tensor.float, Sgd(model))
    assert compile_step(step, _as_it_is, "auto", steps=1_000, device=CPU) is None
    assert compile_step(step, _as_it_is, "off", steps=1_000_000, device=CPU) is None
    assert compile_step(step, _as_it_is, "auto", steps=50_000, device=CPU) is not None
    warning = logging.getLogger("torch.utils.cpp_extension").isEnabledFor(logging.WARNING)
    assert not warning, "of a CUDA toolkit without a GPU"


def test_auxiliary_classifiers_add_three_tenths_of_their_loss() -> None:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.main, self.auxiliary = nn.Linear(16, 3), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.main(x.flatten(1)), self.auxiliary(x.flatten(1))

    ours, theirs = TwoHeads(), TwoHeads()
    images, labels = _batches(1)[0]
    loss = TrainingStep(ours, Tensor.float, Sgd(ours))(images, labels, torch.tensor(0.1))
    main, auxiliary = (functional.cross_entropy(y, labels) for y in theirs(images.float()))
    assert_close(loss, main.detach())
    gradients = torch.autograd.grad(main + 0.3 * auxiliary, list(theirs.parameters()))
    for parameter, before, gradient in zip(
        ours.parameters(), theirs.parameters(), gradients, strict=True
    ):
        assert_close(parameter, before - 0.1 * gradient)


def test_half_precision_keeps_parameters_and_loss_in_single() -> None:
    single, half = _model(), _model()
    losses = []
    for model, precision in ((single, torch.float32), (half, torch.bfloat16)):
        step = TrainingStep(model, Tensor.float, Sgd(model, momentum=0.9), precision)
        losses += [step(*_batches(1)[0], torch.tensor(0.1))]
    assert losses[1].dtype == torch.float32
    assert all(parameter.dtype == torch.float32 for parameter in half.parameters())
    assert_close(losses[1], losses[0], rtol=2e-2, atol=2e-2)


def test_failed_set_up_leaves_no_trace() -> None:
    """Where a program fails after a step, training goes on from the start all the same."""
    overrides = ["experiment=fig1/with_bn", "scale=smoke", "data=digits", "optim.momentum=0.9"]
    session = build_session(load(overrides), Console(quiet=True))
    before = {name: value.clone() for name, value in session.model.state_dict().items()}
    batches = session.batches()

    def fail_after_a_step() -> None:
        with session.taking_back():
            step = with_its_batch(session.update, batches.make)
            step(*batches.ingredients(0), torch.tensor(0.1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_a_step()
    for name, value in session.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(state.any() for state in session.update.optimizer.state)
