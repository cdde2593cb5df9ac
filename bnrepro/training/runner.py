"""A `RunConfig` in, a run directory out."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from signal import Signals
from typing import Any

from rich.console import Console
from safetensors.torch import save
from torch import Tensor

from bnrepro.config import RunConfig, read_provenance, read_stored
from bnrepro.config.source import changed_source
from bnrepro.cores import usable_cores
from bnrepro.errors import UserError
from bnrepro.nn import Activated
from bnrepro.runs import (
    RunDirectory,
    State,
    Status,
    flush_folder,
    locate,
    write_atomically,
    write_config,
)
from bnrepro.runs.digests import add_weights, check_rows, check_weights
from bnrepro.signals import stop_on_signals
from bnrepro.torchrun import is_started
from bnrepro.training.checkpoint import Checkpoint, checkpoint_damage, load_checkpoint
from bnrepro.training.compiler import choose_step
from bnrepro.training.groups import make_update
from bnrepro.training.launch import launch
from bnrepro.training.lease import Lease, Say, take_lease
from bnrepro.training.loop import TrainingLoop
from bnrepro.training.losses import DivergedError
from bnrepro.training.observers import (
    CheckpointWriter,
    Guard,
    HistogramRecorder,
    Observer,
    Recorder,
    StatusWriter,
    TensorBoardView,
    TrainingProgress,
    make_status,
)
from bnrepro.training.processes import Processes, join_processes
from bnrepro.training.profiler import profiled
from bnrepro.training.provenance import COMPUTATION_KEYS, provenance
from bnrepro.training.session import Session, build_session


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

    With several processes it starts them, or is one of those that torchrun has started.

    Args:
        config: the run; its identity names the run directory.
        console: progress and messages.

    Raises:
        UserError: the device, the data or the runs folder is not available, or another process
            holds the run.
        RunFailedError: the disk is full, say; the last good checkpoint stays.
        RunDeletedError: the run's files were deleted meanwhile.
        ProcessLostError: one of several processes has ended.
    """
    if config.runtime.processes > 1 and not is_started():
        return launch(run, config, console)
    with join_processes(config) as processes:
        outcome = processes.share(_run(config, console, processes))
    assert outcome is not None
    return outcome


def _run(config: RunConfig, console: Console, processes: Processes) -> Outcome | None:
    """One process's part in a run; None in all but the first."""
    directory = locate(config)
    done = _already_done(directory, config) if processes.is_first else None
    if processes.share(done is not None):
        if done is not None:
            _restore(done, config, console)
        return done
    if (change := changed_source(config)) is not None:
        raise UserError(f"{change}; train it as a run of its own: the same overrides again")
    session = processes.build_in_turn(lambda: build_session(config, console))
    if not processes.is_first:
        _follow(session, processes)
        return None
    with take_lease(directory, config, console) as lease:
        # It may have ended since the first look.
        if processes.share((done := _already_done(directory, config)) is not None):
            return done
        return _train(session, console, lease, processes)


def _follow(session: Session, processes: Processes) -> None:
    """Train along with the first process, which does all the rest."""
    if processes.share(False):
        return
    batches = session.batches()
    step, _ = choose_step(session, batches, lambda _: None)
    # In the first process's order: setting an update up may be work of all processes, too.
    checkpoint: Checkpoint | None = processes.share(None)
    update = make_update(session, batches, step, processes)
    with stop_on_signals() as stop, suppress(DivergedError):
        TrainingLoop(session, update, [], checkpoint, processes).run(stop)


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


def _restore(done: Outcome, config: RunConfig, console: Console) -> None:
    """Write again what an ended run has lost, as far as it is known."""
    directory = done.directory
    lost_config = read_stored(directory.config) is None
    lost_weights = _weights_damage(done)
    if lost_weights and "" not in checkpoint_damage(directory).values():
        lost_weights = ""
    if not lost_config and not lost_weights:
        return
    with take_lease(directory, config, console) as lease:
        if lost_config:
            write_config(directory, config, _earlier_provenance(directory, lease.say))
        checkpoint = load_checkpoint(directory, lease.say) if lost_weights else None
        if checkpoint and checkpoint["step"] == config.steps:
            _save_weights(checkpoint["model"], directory)
            lease.say(
                f"{directory.weights.name} was {lost_weights}: written again from the checkpoint"
            )


def _weights_damage(done: Outcome) -> str:
    """How a finished run's weights were lost; empty: they were not."""
    directory = done.directory
    if done.status.state is not State.FINISHED:
        return ""
    try:
        check_weights(directory, directory.weights.read_bytes())
    except FileNotFoundError:
        return "missing"
    except UserError:
        return "damaged"
    return ""


def _train(session: Session, console: Console, lease: Lease, processes: Processes) -> Outcome:
    """This process's work on a run whose directory it holds."""
    config, directory, say = session.config, lease.directory, lease.say
    _take_over(directory, config)
    batches = session.batches()
    step, is_compiled = choose_step(session, batches, say)
    if processes.count > 1:
        say(f"{processes.count} processes, {config.groups // processes.count} group(s) each")
    cores = usable_cores()
    if config.runtime.threads > cores:
        say(
            f"runtime.threads={config.runtime.threads}: more than this machine's {cores} cores, "
            "which makes a run slower"
        )
    unobserved = {"activation_inputs", "activation_histograms"} & {*config.measures}
    if unobserved and not any(isinstance(m, Activated) for m in session.model.modules()):
        say(
            f"measures={','.join(sorted(unobserved))}: model={config.model.name} has no layers to "
            "observe, so these stay empty"
        )
    _write_config(session, directory, compiled=is_compiled, say=say)
    checkpoint = load_checkpoint(directory, say)
    if checkpoint is None and checkpoint_damage(directory):
        say("no checkpoint can be used: starting again from step 0")
    start, position = (checkpoint["step"], checkpoint["metrics_bytes"]) if checkpoint else (None, 0)
    if checkpoint:
        check_rows(directory, position)
    processes.share(checkpoint)
    # Of rows that may be cut off now: the checkpoint may be one before the last.
    directory.digests.unlink(missing_ok=True)
    flush_folder(directory.path)
    progress = TrainingProgress(console, config.steps, start or 0)
    status = StatusWriter(config, directory, progress)
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(directory.metrics, position))
        histograms = stack.enter_context(HistogramRecorder(directory.histograms, start))
        observers: list[Observer] = [Guard(lease), recorder, histograms]
        if config.runtime.tensorboard:
            observers.append(stack.enter_context(TensorBoardView(directory)))
        checkpoints = CheckpointWriter(directory, recorder, histograms)
        observers += [progress, checkpoints, status]
        update = make_update(session, batches, step, processes)
        if config.runtime.profile:
            update = stack.enter_context(profiled(update, directory.path / "trace.json"))
        loop = TrainingLoop(session, update, observers, checkpoint, processes)
        if checkpoint:
            say(f"resumed at step {loop.step:,}")
        status.write(State.RUNNING, loop.step, loop.seconds)
        try:
            with stop_on_signals() as stop, progress:
                signal = loop.run(stop)
        except DivergedError as diverged:
            checkpoints.write_digests()
            end = status.write(State.DIVERGED, diverged.step, loop.seconds, str(diverged))
            return Outcome(directory, end)
        if signal is not None:
            reason = f"asked to stop by {signal.name}"
            end = status.write(State.PREEMPTED, loop.step, loop.seconds, reason)
            return Outcome(directory, end, signal=signal)
        _save_weights(session.model.state_dict(), directory)
        return Outcome(directory, status.write(State.FINISHED, loop.step, loop.seconds))


def _take_over(directory: RunDirectory, config: RunConfig) -> None:
    """From here on this process is the one that a second one is told of."""
    before = directory.read_status()
    step, seconds = (before.step, before.seconds) if before else (0, 0.0)
    directory.write_status(make_status(config, State.RUNNING, step, seconds, 0.0, ""))


def _write_config(session: Session, directory: RunDirectory, compiled: bool, say: Say) -> None:
    """Write config.yaml; a process that resumes under other conditions adds its provenance."""
    now = provenance(session.device, session.config.runtime.threads, compiled)
    earlier = _earlier_provenance(directory, say)
    if earlier:
        changed = [
            f"{key} {earlier[-1].get(key)} -> {now[key]}"
            for key in COMPUTATION_KEYS
            if earlier[-1].get(key) != now[key]
        ]
        if changed:
            say(
                f"resumed under other conditions ({', '.join(changed)}): the end may differ in "
                "its last digits from an uninterrupted run's"
            )
    everyone = earlier if now in earlier else [*earlier, now]
    write_config(directory, session.config, everyone)


def _earlier_provenance(directory: RunDirectory, say: Say) -> list[dict[str, Any]]:
    """Of the processes before this one; a damaged config.yaml is set aside, to be written anew."""
    if not directory.config.exists():
        return []
    stored = read_stored(directory.config)
    if stored is not None:
        return stored[1]
    aside = directory.path / "config.damaged.yaml"
    write_atomically(aside, directory.config.read_bytes())
    known = read_provenance(directory.config)
    lost = "" if known else ", without the versions and the machine that it named"
    say(f"{directory.config.name} was damaged: written again{lost}; the old one is {aside.name}")
    return known


def _save_weights(parameters: Mapping[str, Tensor], directory: RunDirectory) -> None:
    weights = {name: value.contiguous().cpu() for name, value in parameters.items()}
    write_atomically(directory.weights, save(weights))
    add_weights(directory)
