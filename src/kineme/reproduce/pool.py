"""Jobs one after another, or several at once in processes of their own."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import Queue, active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from threading import Thread
from types import FrameType

import torch

from kineme.errors import KinemeError, RunError
from kineme.evaluate.result import Result
from kineme.reproduce.experiments import Display, Job
from kineme.train.loop import InterruptedRunError

EXIT_ORPHANED = 1


@dataclass(frozen=True)
class Task:
    """A job and the protocols that it is measured by.

    Args:
        job: what to run.
        protocols: in this order.
    """

    job: Job
    protocols: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Protocols without a result."""
        return tuple(protocol for protocol in self.protocols if self.job.result(protocol) is None)


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Args:
        task: the task.
        results: by protocol, as far as it came.
        error: why it came no further; "" where it is done.
    """

    task: Task
    results: dict[str, Result]
    error: str = ""


def run_all(tasks: Sequence[Task], workers: int, threads: int, done: Callable[[Outcome], None]) -> bool:
    """Run tasks; an error in one does not keep the others from being run.

    Ctrl-C and SIGTERM stop all trainings after their current step; they go on where they were when the tasks are
    given again. Where there are CUDA devices, workers are spread over them.

    Args:
        tasks: what to run.
        workers: how many at once.
        threads: of each worker.
        done: told of every task that ended.

    Returns:
        Whether all tasks came to an end, rather than being asked to stop.

    Raises:
        RunError: a worker was killed.
    """
    return _one_by_one(tasks, threads, done) if workers == 1 else _side_by_side(tasks, workers, threads, done)


def shown(task: Task, display: Display) -> Task:
    """The task with its trainings shown; only one that is run in this process can be."""
    return replace(task, job=replace(task.job, display=display))


def run(task: Task) -> Outcome:
    """Measure a job by every protocol.

    Raises:
        InterruptedRunError: a training was asked to stop.
    """
    results: dict[str, Result] = {}
    for protocol in task.protocols:
        try:
            results[protocol] = task.job.measure(protocol)
        except InterruptedRunError:
            raise
        except (KinemeError, OSError) as error:
            return Outcome(task, results, f"{protocol}: {error}")
    return Outcome(task, results)


def _one_by_one(tasks: Sequence[Task], threads: int, done: Callable[[Outcome], None]) -> bool:
    torch.set_num_threads(threads)
    try:
        for task in tasks:
            done(run(task))
    except (KeyboardInterrupt, InterruptedRunError):
        return False
    return True


def _side_by_side(tasks: Sequence[Task], workers: int, threads: int, done: Callable[[Outcome], None]) -> bool:
    spawn = get_context("spawn")
    devices: Queue[int] = spawn.Queue()
    for worker in range(workers):
        devices.put(worker % max(torch.cuda.device_count(), 1))
    stop = spawn.Event()
    pool = ProcessPoolExecutor(workers, spawn, _start_worker, (threads, devices, stop))
    try:
        with _terminated_as_interrupted():
            for future in as_completed([pool.submit(_work, task) for task in tasks]):
                done(future.result())
    except (KeyboardInterrupt, InterruptedRunError):
        stop.set()
        for worker in active_children():
            worker.terminate()
        return False
    except BrokenProcessPool as error:
        raise RunError("a training's process was killed, perhaps for want of memory; try fewer --workers") from error
    finally:
        pool.shutdown(cancel_futures=True)
    return True


_stop: Event | None = None  # of a worker; set once no further task is to be begun


def _start_worker(threads: int, devices: "Queue[int]", stop: Event) -> None:
    global _stop
    _stop = stop
    os.setpgid(0, 0)  # Ctrl-C reaches the command alone, which then stops every worker once
    os.environ["CUDA_VISIBLE_DEVICES"] = str(devices.get())  # before CUDA starts in this process
    torch.set_num_threads(threads)
    Thread(target=_end_with_command, daemon=True).start()


def _end_with_command() -> None:
    """Stop, after a checkpoint where there is a training, when the command itself was killed."""
    wait([_command().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _work(task: Task) -> Outcome:
    try:
        if _stop is not None and _stop.is_set():
            raise InterruptedRunError("stopped before it began")  # the pool had handed it out already
        return run(task)
    finally:
        if not _command().is_alive():
            os._exit(EXIT_ORPHANED)  # nobody is there to give the next task, and the pool would wait for one


def _command() -> BaseProcess:
    parent = parent_process()
    assert parent is not None
    return parent


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM as Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
