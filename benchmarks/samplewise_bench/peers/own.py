"""samplewise itself: every backend by every plan it offers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np

from samplewise import registry
from samplewise._version import __version__
from samplewise.contract import Backend, Program
from samplewise.contract.plan import AUTO_PLAN, PLANS
from samplewise.data.preprocessing import NONE, Preprocessing
from samplewise.model.model import Model
from samplewise.network import aligned_zeros
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise_bench.peers.new_process import PublicCall
from samplewise_bench.peers.task import Calls, NotApplicableError, Outcome, Runner, Task
from samplewise_bench.training import Training, session_of

MANY, SINGLY = "at once", "one by one"
PREDICTOR = "Model.predictor"
install = "pip install samplewise"


def load(cores: int) -> str:
    """Load every backend that loads."""
    _backends()
    return __version__


def _backends() -> list[Backend]:
    return [registry.load(listing.name) for listing in registry.listings() if listing.available]


def ways(task: Task) -> Sequence[str]:
    """Return "backend plan" for training, with "at once" where a program trains them all."""
    found = [way for backend in _backends() for way in _ways(backend, task)]
    if not found:
        raise NotApplicableError("no backend here has what this task needs")
    return found


def prepare(task: Task, way: str) -> Runner:
    """Compile and warm up."""
    backend, plan, *more = way.split(" ", 2)
    if task.calls:
        return PREDICTIONS[plan](task, backend)
    given = [task.problems] if MANY in more else task.problems
    trainings = [Training(each, backend, plan, threads=task.cores) for each in given]
    return OwnTraining(trainings, public_call(task, way))


def public_call(task: Task, way: str) -> PublicCall:
    """Return the same work as a user writes it."""
    backend, plan, *more = way.split(" ", 2)
    settings = [
        TrainingSettings(
            loss=problem.loss,
            optimizer=problem.optimizer,
            learning_rate=problem.learning_rate,
            epochs=problem.epochs,
            batch_size=problem.batch_size,
            init=problem.init,
            seed=problem.seed,
            dtype=problem.dtype.name,
            backend=backend,
            plan=plan,
            threads=task.cores,
        )
        for problem in task.problems
    ]
    networks = [problem.network for problem in task.problems]
    return PublicCall(networks, task.problem.X, task.labels, settings, MANY in more)


def _ways(backend: Backend, task: Task) -> list[str]:
    problem, offered = task.problem, backend.capabilities
    if offered.missing(problem.network, problem.loss, problem.optimizer, problem.dtype):
        return []
    if task.calls:
        return [f"{backend.name} {way}" for way in PREDICTIONS]
    plans = [plan for plan in PLANS if plan in offered.plans]
    if len(plans) > 1:
        plans.append(AUTO_PLAN)
    if len(task.problems) == 1:
        return [f"{backend.name} {plan}" for plan in _that_differ(backend, task, plans)]
    at_once = [f"{backend.name} {plan} {MANY}" for plan in plans] if offered.many else []
    # One after the other shows the gain of training at once; slower backends would take long.
    one_by_one = backend.name == registry.PREFERENCE[0] and task.cores == 1
    return [*at_once, f"{backend.name} {plans[-1]} {SINGLY}"] if one_by_one else at_once


def _that_differ(backend: Backend, task: Task, plans: list[str]) -> list[str]:
    """Return "auto" and the plans that are taken when asked for: some networks have one only."""
    problem = task.problem

    def taken(plan: str) -> str:
        session = session_of([problem], backend, problem.workload(plan, task.cores))
        session.compile(warm_up=False)
        return session.plan.name

    kept = [plan for plan in plans if plan == AUTO_PLAN or taken(plan) == plan]
    return [AUTO_PLAN] if AUTO_PLAN in kept and len(kept) == 2 else kept


class OwnTraining(Runner):
    """One training after the other, each of one network or of several at once.

    Args:
        public: does the same work as a user's call; None takes that of all runners.
        nudged: start from parameters moved by one unit in the last place.
    """

    def __init__(
        self,
        trainings: Sequence[Training],
        public: PublicCall | None = None,
        *,
        nudged: bool = False,
    ) -> None:
        self._trainings, self._public, self._nudged = trainings, public, nudged
        self.compile_s = sum(training.compile_s for training in trainings)

    def reset(self) -> None:
        self._states = [each.fresh_states(nudged=self._nudged) for each in self._trainings]

    def run(self) -> None:
        pairs = zip(self._trainings, self._states, strict=True)
        self._losses = [training.train(states)[1] for training, states in pairs]

    def outcome(self) -> Outcome:
        parameters = [state.parameters for states in self._states for state in states]
        return Outcome(np.concatenate(self._losses), np.array(parameters, np.float64))

    def call(self) -> None:
        (self._public or super().call)()


def program_calls(task: Task, backend: str, dtype: str = "float32") -> Calls:
    """Return calls of a program's prepared predictor of one row."""
    problem = task.problem
    began = time.perf_counter()
    session = session_of([problem], registry.load(backend), None, dtype=dtype)
    session.compile()
    program = cast(Program, session.program)
    row = aligned_zeros((1, problem.network.inputs), dtype)
    row[...] = problem.X[:1]
    predict, logits = program.predictor(problem.parameters.astype(dtype), row)
    predict()
    compile_s = time.perf_counter() - began
    return Calls(task, predict, result=lambda _: logits, logits=True, compile_s=compile_s)


def _model_calls(method: str, task: Task, backend: str) -> Calls:
    """Return calls of a model's prepared predictor, or of `Model.probabilities`."""
    problem = task.problem
    names = tuple(map(str, range(max(problem.network.outputs, 2))))
    described = problem.network, problem.loss, problem.parameters, names, Preprocessing(NONE)
    x = problem.X[0].copy()
    began = time.perf_counter()
    model = Model(*described, None, "a benchmark", backend)
    prepared = method == PREDICTOR
    call = partial(model.predictor(), x) if prepared else partial(model.probabilities, x[None])
    call()
    return Calls(task, call, compile_s=time.perf_counter() - began)


PREDICTIONS: dict[str, Callable[[Task, str], Calls]] = {
    "program": program_calls,
    **{name: partial(_model_calls, name) for name in (PREDICTOR, "Model.probabilities")},
}
