"""A `RunConfig` in, a run directory out."""

from dataclasses import dataclass
from signal import Signals
from typing import Any

import torch
import yaml
from rich.console import Console
from safetensors.torch import save
from torch import Tensor, nn

from bnrepro.config import RunConfig
from bnrepro.data.dataset import Dataset
from bnrepro.errors import UserError
from bnrepro.runs import (
    Row,
    RunDirectory,
    State,
    Status,
    locate,
    write_atomically,
    write_config,
)
from bnrepro.training.build import make_batches, make_dataset, make_model, make_step
from bnrepro.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from bnrepro.training.claim import Say, claimed, is_out_of_memory, make_status
from bnrepro.training.compiler import Step, compile_step
from bnrepro.training.device import describe_device, pick_device
from bnrepro.training.histograms import HistogramRecorder
from bnrepro.training.loop import TrainingLoop
from bnrepro.training.memory import keep_freed_memory
from bnrepro.training.profiler import profiled
from bnrepro.training.progress import TrainingProgress
from bnrepro.training.provenance import COMPUTATION_KEYS, provenance
from bnrepro.training.recorder import DivergedError, Recorder
from bnrepro.training.signals import stop_on_signals
from bnrepro.training.tensorboard import TensorBoardView


@dataclass(frozen=True)
class Outcome:
    """How a call of `run` ended.

    Attributes:
        directory: the run's.
        status: as status.json now says.
        already_done: the run had ended before; nothing was computed.
        signal: what asked the run to stop, for a preempted one.
    """

    directory: RunDirectory
    status: Status
    already_done: bool = False
    signal: Signals | None = None


def run(config: RunConfig, console: Console) -> Outcome:
    """Train, or go on training, or say that it is done. Ends as if never interrupted.

    Args:
        config: the run; its identity names the run directory.
        console: progress and messages.

    Raises:
        UserError: the device, the data or the runs folder is not to be had, or another process
            holds the run.
        RunFailedError: the disk is full, say; the last good checkpoint stays.
        RunDeletedError: the run's files were deleted meanwhile.
    """
    directory = locate(config)
    if (done := _already_done(directory, config)) is not None:
        return done
    torch.set_num_threads(config.runtime.threads)
    keep_freed_memory()
    device = pick_device(config.runtime.device)
    dataset, model = _build(config, device, console)
    with claimed(directory, config, console) as say:
        # It may have ended since the first look.
        if (done := _already_done(directory, config)) is not None:
            return done
        return _Run(config, directory, dataset, model, device, console, say).run()


def _already_done(directory: RunDirectory, config: RunConfig) -> Outcome | None:
    status = directory.read_status()
    if status is None or not status.state.is_final:
        return None
    if config.runtime.profile:
        raise UserError(
            f"runtime.profile=true: {directory.path} is {status.state}, nothing is left to trace; "
            "use another seed or runtime.runs"
        )
    return Outcome(directory, status, already_done=True)


def _build(config: RunConfig, device: torch.device, console: Console) -> tuple[Dataset, nn.Module]:
    try:
        dataset = make_dataset(config, console).to(device)
        torch.manual_seed(config.seed)
        # Channels last: what convolutions are fastest in, on CPU and GPU alike.
        model = (
            make_model(config, dataset.input_shape, dataset.num_classes)
            .to(device)
            .to(memory_format=torch.channels_last)
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"model={config.model.name}: data and network do not fit into memory; use smaller ones"
        ) from error
    return dataset, model


class _Run:
    """One process's work on a run whose directory it holds."""

    def __init__(
        self,
        config: RunConfig,
        directory: RunDirectory,
        dataset: Dataset,
        model: nn.Module,
        device: torch.device,
        console: Console,
        say: Say,
    ) -> None:
        self.config = config
        self.directory = directory
        self.device = device
        self.console = console
        self.say = say
        self.dataset = dataset
        self.model = model.train()
        self.update = make_step(config, dataset, model)

    def run(self) -> Outcome:
        before = self.directory.read_status()
        # From here on this process is the one that a second one is told of.
        self._write_status(
            State.RUNNING, before.step if before else 0, before.seconds if before else 0.0, 0.0
        )
        step_function = self._compile()
        self._write_config(compiled=step_function is not self.update)
        saved = load_checkpoint(self.directory, self.say)
        with Recorder(
            self.directory.metrics,
            position=saved["metrics_bytes"] if saved else 0,
            losses=saved["losses"] if saved else torch.zeros(0),
        ) as recorder:
            loop = TrainingLoop(
                self.config,
                self.dataset,
                self.model,
                self.update,
                step_function,
                recorder,
                HistogramRecorder(self.directory.histograms, saved["step"] if saved else None),
                self.device,
            )
            if saved:
                loop.restore(saved)
                self.say(f"resumed at step {loop.step:,}")
            return self._train(loop)

    def _train(self, loop: TrainingLoop) -> Outcome:
        config, directory = self.config, self.directory
        progress = TrainingProgress(self.console, config.steps, loop.step)
        view = TensorBoardView(directory) if config.runtime.tensorboard else None

        def status(state: State, message: str = "") -> Status:
            speed = progress.steps_per_second
            return self._write_status(state, loop.step, loop.seconds, speed, message)

        def on_row(row: Row) -> None:
            progress.update(loop.step, row.get("train/loss"), row.get("test/accuracy"))
            if view:
                view.add(row)

        def on_checkpoint(checkpoint: Checkpoint) -> None:
            save_checkpoint(directory, checkpoint)
            status(State.RUNNING)

        try:
            status(State.RUNNING)
            with (
                stop_on_signals() as stop,
                profiled(directory.path / "trace.json", config.runtime.profile) as on_step,
                progress,
            ):
                loop.run(stop, on_row, on_checkpoint, on_step)
            if loop.step < config.steps:
                assert stop.signal is not None
                now = status(State.PREEMPTED, f"asked to stop by {stop.signal.name}")
                return Outcome(directory, now, signal=stop.signal)
            self._save_weights()
            return Outcome(directory, status(State.FINISHED))
        except DivergedError as diverged:
            loop.step = diverged.step
            return Outcome(directory, status(State.DIVERGED, str(diverged)))
        finally:
            if view:
                view.close()

    def _compile(self) -> Step:
        """The step to call: compiled if that is wanted and possible, else the plain one."""
        runtime = self.config.runtime
        compiled = compile_step(self.update, runtime.compile, self.config.steps, self.device)
        where = f"{describe_device(self.device)}, {runtime.threads} thread(s)"
        if compiled is None:
            self.say(f"{where}, eager")
            return self.update
        try:
            self._warm_up(compiled)
        except RuntimeError as error:  # every error of torch.compile is one
            reason = str(error).strip().splitlines()[0]
            if runtime.compile == "on":
                raise UserError(
                    f"runtime.compile=on: torch.compile failed ({reason}); use runtime.compile=auto"
                ) from error
            self.say(f"{where}, eager: torch.compile failed ({reason})")
            return self.update
        self.say(f"{where}, compiled")
        return compiled

    def _warm_up(self, compiled: Step) -> None:
        """Compile by one step on a batch, and take the step back."""
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        images, labels = make_batches(self.config, self.dataset, self.device)(0)
        compiled(images, labels, torch.zeros((), device=self.device))
        self.model.load_state_dict(before)
        for velocity in self.update.velocity:
            velocity.zero_()
        torch.manual_seed(self.config.seed)

    def _write_status(
        self,
        state: State,
        step: int,
        seconds: float,
        steps_per_second: float,
        message: str = "",
    ) -> Status:
        status = make_status(self.config, state, step, seconds, steps_per_second, message)
        self.directory.write_status(status)
        return status

    def _write_config(self, compiled: bool) -> None:
        """Write config.yaml; a process that resumes under other conditions adds its provenance."""
        now = provenance(self.device, self.config.runtime.threads, compiled)
        earlier: list[dict[str, Any]] = []
        if self.directory.config.exists():
            earlier = yaml.safe_load(self.directory.config.read_text())["provenance"]
            changed = [
                f"{key} {earlier[-1].get(key)} -> {now[key]}"
                for key in COMPUTATION_KEYS
                if earlier[-1].get(key) != now[key]
            ]
            if changed:
                self.say(
                    f"resumed under other conditions ({', '.join(changed)}): the end may differ in "
                    "its last digits from an uninterrupted run's"
                )
        write_config(self.directory, self.config, earlier if now in earlier else [*earlier, now])

    def _save_weights(self) -> None:
        weights: dict[str, Tensor] = {
            name: value.contiguous().cpu() for name, value in self.model.state_dict().items()
        }
        write_atomically(self.directory.weights, save(weights))
