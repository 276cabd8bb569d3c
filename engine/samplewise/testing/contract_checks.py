"""Checks of the duties of every program, whatever it computes; no other backend is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from samplewise.contract import Backend, Program, Steps
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.measures import Measure, condition
from samplewise.testing.prepared_checks import learner_learns, predictor_predicts
from samplewise.testing.problems import Problem
from samplewise.testing.step_checks import STEP_CHECKS, decisions_are_of_the_losses

Check = Callable[[Program, Problem, Steps], list[Measure]]


def keeps_contract(
    backend: Backend, program: Program, drawn: Problem, batch_size: int
) -> list[Measure]:
    """Check a program on one problem.

    Args:
        backend: its capabilities name the step fields that it follows, and whether it writes
            decisions.
        program: of the problem.
        drawn: with at least two batches of rows.
        batch_size: rows of a step.
    """
    steps = epoch_of(drawn, batch_size)
    checks = [*CHECKS]
    for field in sorted(backend.capabilities.step_fields):
        checks += STEP_CHECKS.get(field, [])
    if backend.capabilities.decisions:
        checks.append(decisions_are_of_the_losses)
    return [measure for check in checks for measure in check(program, drawn, steps)]


def epoch_of(drawn: Problem, batch_size: int) -> Steps:
    """Return the steps of an epoch in a shuffled order."""
    order = np.random.default_rng(0).permutation(len(drawn.X))
    return Steps(order, 0, len(order), batch_size, drawn.learning_rate)


def inputs_unchanged(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Nothing is written but the state and the losses, though all of it could be."""
    arrays = {"X": drawn.X, "Y": drawn.Y, "order": steps.order, "parameters": drawn.parameters}
    given = {name: array.copy() for name, array in arrays.items()}
    X, Y = given["X"], given["Y"]
    ordered = dataclasses.replace(steps, order=given["order"])
    state = drawn.state()
    program.run_epoch(state, X, Y, ordered, np.zeros(len(X), dtype=drawn.dtype))
    program.gradients(given["parameters"], X, Y)
    program.predict(given["parameters"], X)
    changed = [name for name, array in arrays.items() if (given[name] != array).any()]
    return [
        condition(f"changes its inputs: {', '.join(changed)}", not changed),
        condition("counts steps, which the engine does", state.step == 0),
    ]


def takes_read_only(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Read-only X, Y, order and parameters serve as well as writable ones."""
    X, Y, parameters = drawn.X, drawn.Y, drawn.parameters
    ordered = dataclasses.replace(steps, order=steps.order.copy())
    ordered.order.flags.writeable = False
    losses = np.full(len(X), np.nan, dtype=drawn.dtype)
    program.run_epoch(drawn.state(), X, Y, ordered, losses)
    loss, gradient = program.gradients(parameters, X, Y)
    results = (losses, np.array(loss), gradient, program.predict(parameters, X))
    finite = all(np.isfinite(result).all() for result in results)
    return [condition("results of read-only arrays are not finite", finite)]


def shapes_and_dtypes(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Results are new arrays of the right shape and dtype, and stay as they are."""
    logits = program.predict(drawn.parameters, drawn.X)
    loss, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    kept = logits.copy(), gradient.copy()
    state = drawn.state()
    vectors = state.parameters, state.optimizer_state
    program.run_epoch(state, drawn.X, drawn.Y, steps, np.zeros(len(drawn.X), dtype=drawn.dtype))
    program.predict(drawn.parameters, drawn.X[::-1].copy())
    program.gradients(drawn.parameters, drawn.X[:1], drawn.Y[:1])
    return [
        condition(
            f"logits are {logits.dtype} {logits.shape}",
            logits.dtype == drawn.dtype and logits.shape == (len(drawn.X), drawn.network.outputs),
        ),
        condition(
            f"the gradient is {gradient.dtype} {gradient.shape}",
            gradient.dtype == drawn.dtype and gradient.shape == drawn.parameters.shape,
        ),
        condition(f"the loss is a {type(loss).__name__}, not a float", isinstance(loss, float)),
        condition("replaces state.parameters", state.parameters is vectors[0]),
        condition("replaces state.optimizer_state", state.optimizer_state is vectors[1]),
        measures.same_bits("logits after a further call", logits, kept[0]),
        measures.same_bits("gradient after a further call", gradient, kept[1]),
    ]


def losses_in_window(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """The second batch alone writes its own losses, each of them, and no other."""
    window = dataclasses.replace(steps, start=steps.batch_size, stop=2 * steps.batch_size)
    _, losses = runs.of_windows(program, drawn, [window])
    inside = np.zeros(len(losses), dtype=bool)
    inside[window.start : window.stop] = True
    return [
        condition("losses inside the window are missing", bool(np.isfinite(losses[inside]).all())),
        condition("losses outside the window are written", bool(np.isnan(losses[~inside]).all())),
    ]


def gaps_stay_zero(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """The gaps between tensors stay 0, so that a norm of the flat vector is one of the tensors."""
    state, _ = runs.of_windows(program, drawn, [steps])
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    found = []
    layout = drawn.network.layout
    slots = state.optimizer_state.reshape(-1, layout.size)
    vectors = [("parameters", state.parameters), ("the gradient", gradient)]
    for what, vector in (*vectors, *(("the optimizer's state", slot) for slot in slots)):
        rest = vector.copy()
        for view in layout.views(rest).values():
            view[...] = 0
        found.append(condition(f"gaps of {what} are not 0", not rest.any()))
    return found


def frozen_layers_stay(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Parameters and slots of frozen layers keep their bits, and their gradients are 0."""
    network, first = drawn.network, drawn.state()
    if all(layer.trainable for layer in network.layers):
        return []
    frozen = np.ones(network.layout.size, dtype=bool)
    for part in network.trained:
        frozen[part] = False
    state, _ = runs.of_windows(program, drawn, [steps])
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    slots = (each.optimizer_state.reshape(-1, len(frozen))[:, frozen] for each in (state, first))
    return [
        measures.same_bits(
            "parameters of frozen layers", state.parameters[frozen], first.parameters[frozen]
        ),
        measures.same_bits("optimizer's state of frozen layers", *slots),
        condition("gradients of frozen layers are not 0", not gradient[frozen].any()),
    ]


def cuts_change_nothing(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """An epoch in two chunks trains as in one.

    The tolerance is that of an epoch, not bits: a program may treat a chunk as a whole, and
    then sums in another order where it is cut.
    """
    edge = 2 * steps.batch_size
    cut = [dataclasses.replace(steps, stop=edge), dataclasses.replace(steps, start=edge)]
    whole, in_two = (runs.of_windows(program, drawn, windows) for windows in ([steps], cut))
    return runs.compare_ends(drawn, in_two, whole, steps.count)


def shows_nan(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """A NaN in a row reaches that row's loss, the mean loss and the logits."""
    X, last = drawn.X.copy(), int(steps.order[-1])
    X[last, 0] = np.nan
    _, losses = runs.of_windows(program, dataclasses.replace(drawn, X=X), [steps])
    loss, _ = program.gradients(drawn.parameters, X, drawn.Y)
    logits = program.predict(drawn.parameters, X)
    return [
        condition("hides a NaN from the loss of its row", not np.isfinite(losses[-1])),
        condition("hides a NaN from the mean loss", not np.isfinite(loss)),
        condition("hides a NaN from the logits", not np.isfinite(logits[last]).any()),
    ]


def mean_loss_is_of_losses(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """The mean loss of `gradients`, in which nothing is dropped, is that of the losses."""
    if drawn.network.differs_in_training:
        return []
    loss, _ = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    full = dataclasses.replace(steps, batch_size=len(drawn.X))
    _, losses = runs.of_windows(program, drawn, [full])
    mean = np.array([losses.mean(dtype=np.float64)])
    forward = tolerances.tolerance("forward", drawn.dtype.name)
    return [measures.entries("mean loss", np.array([loss]), mean, forward)]


def same_bits_again(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """The same calls give the same bits, as `deterministic` says."""
    twice = [runs.of_windows(program, drawn, [steps]) for _ in range(2)]
    slots = (state.optimizer_state for state, _ in twice)
    logits = [program.predict(drawn.parameters, drawn.X) for _ in range(2)]
    gradients = [program.gradients(drawn.parameters, drawn.X, drawn.Y)[1] for _ in range(2)]
    return [
        measures.same_bits("weights of a second run", *(s.parameters for s, _ in twice)),
        measures.same_bits("optimizer's state of a second run", *slots),
        measures.same_bits("losses of a second run", *(losses for _, losses in twice)),
        measures.same_bits("logits of a second call", *logits),
        measures.same_bits("gradient of a second call", *gradients),
    ]


def forgets_a_training(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """A program that forgets a training makes the next one as if it were the first."""
    found = []
    for rows in (drawn.X, drawn.X[::-1].copy(), drawn.X):
        if getattr(program, "forget", bool)() is not True:
            return []
        state, _ = runs.of_windows(program, dataclasses.replace(drawn, X=rows), [steps])
        found.append(state.parameters)
    return [measures.same_bits("weights after forgetting a training", found[2], found[0])]


def keeps_an_overflow_apart(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """An overflow of one training reaches no later one through the program's buffers."""
    state, losses = runs.of_windows(program, drawn, [steps])
    wild = drawn.state(np.full_like(drawn.parameters, np.sqrt(np.finfo(drawn.dtype).max)))
    with np.errstate(all="ignore"):
        for _ in range(2):
            runs.run_window(program, drawn, wild, steps, np.zeros_like(losses))
        program.synchronize(wild)
    later, seen = runs.of_windows(program, drawn, [steps])
    forward, what = tolerances.tolerance("forward", drawn.dtype.name), "after an overflow"
    return [
        measures.sized(f"losses {what}", seen, losses, forward),
        measures.sized(f"weights {what}", later.parameters, state.parameters, forward),
    ]


CHECKS: list[Check] = [
    inputs_unchanged,
    takes_read_only,
    shapes_and_dtypes,
    predictor_predicts,
    learner_learns,
    losses_in_window,
    gaps_stay_zero,
    frozen_layers_stay,
    cuts_change_nothing,
    shows_nan,
    mean_loss_is_of_losses,
    keeps_an_overflow_apart,
    forgets_a_training,
]
