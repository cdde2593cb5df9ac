"""Everything that a ten-minute visit to a GPU can measure: is it right, and how fast is it.

    python scripts/bench_gpu.py                   (writes results/gpu/bench_gpu.csv)
    python scripts/bench_gpu.py --device cpu --steps 3 --only mnist   (that the script works)

First whether updates replayed as a CUDA graph train to the same parameters as eager ones. Then
images per second of an update, warm, on random images that are on the device, gathering them and
augmentation in it: the paper's MNIST network and Inception with BN, at the sizes, mini-batches and
precisions below, eager and compiled, with and without a graph; ResNet-50 of torchvision through the
same step, and through the loop that anyone would write (autocast, optim.SGD). The ways take turns,
round by round; the ratio is to the eager one of the same round. `memory bandwidth` is what an
update could reach if each layer read its inputs and wrote its outputs once forward and twice
backward, at the speed at which this device copies memory, and computing took no time. Faster are
only layers joined in one kernel, and small networks that stay in a cache. Not in it: reading data
(scripts/bench_data.py).
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from torch import Tensor, nn

from bnrepro.config import RunConfig, load
from bnrepro.data.dataset import Dataset, Split
from bnrepro.training.compiler import choose_step
from bnrepro.training.groups import make_update
from bnrepro.training.processes import Processes
from bnrepro.training.session import Session, build_session

ROUNDS = 5
_LOOP = "plain loop"
_BOUND = "memory bandwidth"
_COPIED_BYTES = 2**28  # more than caches hold


class Work(NamedTuple):
    """A network at a size.

    Attributes:
        name: in the table.
        overrides: of `bnrepro train`.
        pixels: height and width of the images.
        channels: of the images.
    """

    name: str
    overrides: tuple[str, ...]
    pixels: int
    channels: int


def _inception(pixels: int, batch: int, precision: str) -> Work:
    return Work(
        f"Inception with BN, {pixels} px, batch {batch}, {precision}",
        (
            "experiment=fig2/bn_x5",
            f"batch_size={batch}",
            f"precision={precision}",
            "model.width=1.0",
            f"data.stored_size={pixels}",
            f"augmentation.size={pixels}",
        ),
        pixels,
        3,
    )


def _resnet(batch: int, precision: str) -> Work:
    return Work(
        f"ResNet-50, 224 px, batch {batch}, {precision}",
        (
            "model=torchvision",
            "model.name=resnet50",
            "norm=batch",
            "data=imagenet",
            f"batch_size={batch}",
            f"precision={precision}",
            "data.stored_size=224",
            "augmentation.size=224",
            "measures=[]",
        ),
        224,
        3,
    )


WORK = {
    "mnist": [
        Work(f"MNIST network {what} BN", (f"experiment=fig1/{what}_bn", "data=mnist"), 28, 1)
        for what in ("without", "with")
    ],
    "inception": [
        _inception(pixels, batch, precision)
        for pixels in (56, 224)
        for batch in (32, 256)
        for precision in ("float32", "bfloat16")
    ],
    "resnet": [_resnet(256, precision) for precision in ("float32", "bfloat16")],
}
WAYS = {
    "eager": ("runtime.compile=off",),
    "compiled": ("runtime.compile=on",),
    "eager, graph": ("runtime.compile=off", "runtime.cuda_graph=true"),
    "compiled, graph": ("runtime.compile=on", "runtime.cuda_graph=true"),
}


def main() -> None:
    """Check, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--steps", type=int, default=100, help="of a measurement")
    parser.add_argument("--only", choices=WORK, action="append", help="leave out the others")
    parser.add_argument("--out", type=Path, default=Path("results/gpu/bench_gpu.csv"))
    arguments = parser.parse_args()
    is_gpu = arguments.device == "cuda"
    device = torch.cuda.get_device_name() if is_gpu else "CPU"
    print(f"{device}, torch {torch.__version__}")
    ways = {name: told for name, told in WAYS.items() if is_gpu or "graph" not in name}
    rows: list[tuple[str, str, str, int, float]] = []
    for group in arguments.only or WORK:
        for work in WORK[group]:
            if is_gpu:
                _check_graph(work)
            speeds = _measure(work, ways, arguments.device, arguments.steps)
            _show(work.name, speeds)
            rows += [
                (device, work.name, way, number, round(speed, 1))
                for way, measured in speeds.items()
                for number, speed in enumerate(measured)
            ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["device", "work", "way", "round", "images_per_second"])
        writer.writerows(rows)
    print(arguments.out)


def _session(work: Work, told: Sequence[str], device: str) -> Session:
    config = load([*work.overrides, *told, f"runtime.device={device}"])
    return build_session(config, Console(quiet=True), stored=_random_images(work, config))


def _random_images(work: Work, config: RunConfig) -> Dataset:
    """Two mini-batches of random pixels."""
    count, classes = 2 * config.batch_size, config.data.classes or 1_000
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(
        256,
        (count, work.channels, work.pixels, work.pixels),
        dtype=torch.uint8,
        generator=generator,
    )
    split = Split(images, torch.randint(classes, (count,), generator=generator))
    return Dataset(split, split, tuple(map(str, range(classes))))


def _check_graph(work: Work, steps: int = 20) -> None:
    """Whether a graph trains to the eager step's parameters; prints by how much it does not."""
    ends = []
    for way in ("eager", "eager, graph"):
        session = _session(work, WAYS[way], "cuda")
        batches = session.batches()
        step, _ = choose_step(session, batches, lambda _: None)
        update = make_update(session, batches, step, Processes())
        lr = torch.full((), 0.01, device=session.device)
        for number in range(steps):
            update(number, lr)
        ends.append(nn.utils.parameters_to_vector(session.model.parameters()).detach())
    apart = float((ends[0] - ends[1]).abs().max())
    print(f"{work.name}: graph and eager apart by at most {apart:g} after {steps} steps")


def _measure(
    work: Work, ways: dict[str, tuple[str, ...]], device: str, steps: int
) -> dict[str, list[float]]:
    """Images per second, by way, a number a round."""
    updates: dict[str, Callable[[], object]] = {}
    batch_size = moved = 0
    for way, told in ways.items():
        session = _session(work, told, device)
        batch_size = session.config.batch_size
        moved = moved or _bytes_moved(session)
        batches = session.batches()
        step, _ = choose_step(session, batches, lambda _: None)
        train = make_update(session, batches, step, Processes())
        updates[way] = partial(train, 0, torch.zeros((), device=session.device))
    if "resnet50" in " ".join(work.overrides):
        updates[_LOOP] = _plain_loop(work, device)
    speeds: dict[str, list[float]] = {way: [] for way in [*updates, _BOUND]}
    copied = torch.ones(_COPIED_BYTES, dtype=torch.uint8, device=device)
    for update in [*updates.values(), copied.clone]:
        _seconds(update, 3, device)  # warm-up
    for _ in range(ROUNDS):
        for way, update in updates.items():
            speeds[way].append(steps * batch_size / _seconds(update, steps, device))
        bytes_per_second = 2 * _COPIED_BYTES * steps / _seconds(copied.clone, steps, device)
        speeds[_BOUND].append(batch_size * bytes_per_second / moved)
    return speeds


def _bytes_moved(session: Session) -> int:
    """Of an update whose layers read and write main memory: three times what goes forward."""
    moved = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal moved
        moved += sum(part.nbytes for part in (*inputs, output, *layer.parameters()))

    layers = [module for module in session.model.modules() if not list(module.children())]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    images, _ = session.batches()(0)
    precision = getattr(torch, session.config.precision)
    with (
        torch.no_grad(),
        torch.autocast(images.device.type, precision, enabled=precision != torch.float32),
    ):
        session.model(session.dataset.to_input(images))
    for hook in hooks:
        hook.remove()
    return 3 * moved


def _plain_loop(work: Work, device: str) -> Callable[[], object]:
    """A step on the same mini-batch as torchvision's reference recipe takes it."""
    from torchvision.models import resnet50

    config = load([*work.overrides])
    precision = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    model = resnet50().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    split = _random_images(work, config).train.first(config.batch_size).to(torch.device(device))
    assert isinstance(split.images, torch.Tensor)
    inputs = (split.images.float() / 127.5 - 1).to(memory_format=torch.channels_last)

    def update() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, precision, enabled=precision != torch.float32):
            loss = nn.functional.cross_entropy(model(inputs), split.labels)
        loss.backward()
        optimizer.step()

    return update


def _seconds(work: Callable[[], object], times: int, device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _show(name: str, speeds: dict[str, list[float]]) -> None:
    print(f"{name}: images/s, and over the eager step, median (range) of {ROUNDS} rounds")
    for way, measured in speeds.items():
        ratios = [a / b for a, b in zip(measured, speeds["eager"], strict=True)]
        print(
            f"  {way}: {statistics.median(measured):,.0f} "
            f"({min(measured):,.0f} to {max(measured):,.0f}), "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
