"""The report's rows on real photographs: `samplewise report --preprocess standardize`, its seeds.

Weights N(0, 1) on standardised pixels make the rows with rates 0.1 and 1 chaotic: a nudge of the
reference's own first weights by one ulp ends in other losses. No backend with another order of sums
can give the reference's figures there, and no tolerance on them would say anything. So, from the
strictest to the loosest:

- every step and every epoch, started from the weights that the reference had there;
- every epoch of the runs as the report makes them, as long as one nudge moves the run little;
- the final losses after that, as one more draw among those of nudged reference runs.

Rows of equal network and learning rate are repeats of each other, of which the longest is trained:
epochs-40 for epochs-10 to epochs-30 and rate-0.01, final-1 for all of the final network.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pytest
from comparability import too_often_farthest
from threadpoolctl import threadpool_limits

from faults.catalogue import faulty_backend
from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.contract import PLANS, Program, Steps, Workload
from samplewise.contract.plan import BLOCKED, DIRECT
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import Prepared, prepare
from samplewise.experiment.run import run as run_experiment
from samplewise.network import SGD, initialize, loss_named, multilayer_perceptron
from samplewise.report.experiments import PART_ONE
from samplewise.report.published import CLASSES, published_rows
from samplewise.streams import Streams
from samplewise.testing import measures, tolerances
from samplewise.testing.problems import Problem, aligned_copy, reference_program
from samplewise.training import batches

REAL_FILE = Path(__file__).parents[2].parent / "shared" / "data" / "sign-digits-28x28.npz"
pytestmark = [
    pytest.mark.real_data,
    # As in `test_certificate`: other tests reach the lines in less time, and wherever they run.
    pytest.mark.no_cover,
    # Rows of the report that do not learn are part of it.
    pytest.mark.filterwarnings("ignore:the network did not learn"),
    pytest.mark.skipif(
        not REAL_FILE.exists(), reason="the real sign digits are not beside the checkout"
    ),
]

BACKENDS = ("vectorized", "numba_cpu")
BACKEND_PLANS = [
    *(("vectorized", plan) for plan in (DIRECT, BLOCKED)),
    *(("numba_cpu", plan) for plan in PLANS),
]
DTYPE = np.dtype("float64")
# Of equal network and rate the longest, by (hidden, learning rate).
LONGEST = {}
for row in published_rows():
    trained = row.hidden, row.learning_rate
    if trained not in LONGEST or row.epochs > LONGEST[trained].epochs:
        LONGEST[trained] = row
ROWS = [row.id for row in LONGEST.values()]
# The rows that a nudge leaves as they are, whatever the seed.
CALM_ROWS = [row.id for row in LONGEST.values() if row.learning_rate < 0.1]
REPEATS = 3
# The reference takes the time: one repeat of a calm row says what three would, and so does one of
# any row for single steps and epochs. Chaos is compared over seeds, so there all are needed.
CALM_REPEATS = 1
# Each step starts from the reference's weights, so its rounding does not grow with the epoch; the
# epochs after these are compared whole.
STEPWISE_EPOCHS = 2
# Each shows with one sample a step and a sigmoid, within one epoch.
FAULTS = (
    "bias_sign_in_forward",
    "bias_sign_in_update",
    "computes_in_float32",
    "loss_after_update",
    "forgets_derivative",
    "skips_last_row",
)


@dataclass(eq=False)
class Run:
    """One run of the report, trained by the reference; what is costly is made once.

    Args:
        row: as published.
        asked: its experiment.
        data: of all rows.
        drawn: its arrays.
    """

    row: object
    asked: Experiment
    data: Prepared
    drawn: Problem

    def __str__(self):
        return f"{self.row.id}, seed {self.asked.training.seed}"

    @cached_property
    def steps(self):
        rows = len(self.drawn.X)
        return Steps(batches.fixed_order(rows), 0, rows, 1, self.drawn.learning_rate)

    def compiled(self, backend, plan=DIRECT) -> Program:
        workload = Workload(len(self.drawn.X), 1, self.row.epochs, plan=plan)
        program = backend.compile(self.drawn.network, self.drawn.loss, SGD(), DTYPE, workload)
        program.warm_up()
        return program

    def epoch(self, program, start):
        """Return the weights after one epoch from `start`, and the losses of its samples."""
        state, losses = self.drawn.state(start), np.full(len(self.drawn.X), np.nan)
        with np.errstate(all="ignore"):
            program.run_epoch(state, self.drawn.X, self.drawn.Y, self.steps, losses)
            program.synchronize(state)
        return state.parameters, losses

    @cached_property
    def reference(self):
        return reference_program(self.drawn.network, self.drawn.loss, DTYPE)

    def trained(self, start):
        """Return the reference's weights from `start` on (epochs + 1, P), losses (epochs, n)."""
        weights, losses = [start], []
        for _ in range(self.row.epochs):
            after, seen = self.epoch(self.reference, weights[-1])
            weights.append(after)
            losses.append(seen)
        return np.array(weights), np.array(losses)

    @cached_property
    def expected(self):
        return self.trained(self.drawn.parameters)

    def nudged(self, weights, draw=0):
        """Return weights moved by one ulp: all up as on the ladder, or up or down by a draw."""
        moved, rng = weights.copy(), np.random.default_rng(draw)
        for view in self.drawn.network.layout.views(moved).values():
            up = np.full(view.shape, True) if draw == 0 else rng.random(view.shape) < 0.5
            view[...] = np.nextafter(view, np.where(up, np.inf, -np.inf))
        return moved

    @cached_property
    def first_nudge(self):
        return self.trained(self.nudged(self.drawn.parameters))

    @cached_property
    def yardsticks(self):
        """What the nudge did by the end of each epoch, (epochs,): an end is as near as its way."""
        (weights, losses), (moved, seen) = self.expected, self.first_nudge
        found = [change(*pair) for pair in zip(moved[1:], seen, weights[1:], losses, strict=True)]
        return np.maximum.accumulate(found)

    @property
    def chaotic(self):
        return tolerance_of(self.yardsticks[-1]) is None

    @cached_property
    def nudged_final_losses(self):
        """Of the reference from nudged weights, (NUDGED_RUNS,)."""
        starts = [self.nudged(self.drawn.parameters, k) for k in range(1, tolerances.NUDGED_RUNS)]
        runs = [self.first_nudge, *map(self.trained, starts)]
        return np.array([losses[-1].mean() for _, losses in runs])


def change(weights, losses, wanted_weights, wanted_losses):
    """Return the largest difference of weights or losses, relative to their sizes in `measures`."""
    of_weights = np.abs(weights - wanted_weights).max() / np.abs(wanted_weights).max()
    of_losses = np.abs(losses - wanted_losses).max() / max(1.0, np.abs(wanted_losses).max())
    return float(np.maximum(of_weights, of_losses))


def tolerance_of(yardstick):
    """Return the tolerance by this yardstick, or None where it says that there is none."""
    try:
        return tolerances.of_run(yardstick, DTYPE.name)
    except ParameterError:
        return None


@cache
def reported_losses(run, backend):
    """Return the losses of the epochs, as the report shows them of a backend."""
    return run_experiment(run.asked.with_options(backend=backend), run.data).history.losses


@cache
def epoch_yardstick(run, k):
    """Return the largest change that a nudge before epoch k (from 0) makes by its end."""
    weights, losses = run.expected
    # One nudge is one draw of the rounding: within an epoch of these rows, four draws were
    # seen to differ 26-fold. The largest of them is the yardstick.
    nudges = (run.nudged(weights[k], draw) for draw in range(tolerances.NUDGED_RUNS))
    moved = (run.epoch(run.reference, start) for start in nudges)
    return max(change(*one, weights[k + 1], losses[k]) for one in moved)


def epochwise(run, backend, epochs=None, plan=DIRECT):
    """Compare each epoch from the reference's weights before it, by the table.

    An epoch of a chaotic run can leave the table by itself. It is then measured by the one-ulp
    yardstick of this epoch; where even that is chaos, `test_every_step` alone holds.

    Returns:
        The failures, as texts; the epochs (from 1) that took a yardstick; those that had none.
    """
    program, (weights, losses) = run.compiled(backend, plan), run.expected
    layout, table = run.drawn.network.layout, tolerances.after_steps(run.steps.stop, DTYPE.name)
    failures, by_yardstick, without = [], [], []
    for k in range(epochs or run.row.epochs):
        got, seen = run.epoch(program, weights[k])

        def compared(allowed, k=k, got=got, seen=seen):
            found = [measures.losses(seen, losses[k], allowed)]
            found += measures.layers("weights", layout, got, weights[k + 1], allowed)
            where = f"{backend.name} ({plan}), {run}, epoch {k + 1}"
            return [f"{where}: {measure}" for measure in found if not measure.passed]

        beyond = compared(table)
        if not beyond:
            continue
        allowed = tolerance_of(epoch_yardstick(run, k))
        (without if allowed is None else by_yardstick).append(k + 1)
        failures += [] if allowed is None else compared(allowed)
    return failures, by_yardstick, without


def stepwise(run, backends, epochs):
    """Compare each single step of the first epochs from the reference's weights before it.

    Returns:
        Relative differences of a step's loss and weights, an array (epochs, n) for each backend.
    """
    X, Y, rows = run.drawn.X, run.drawn.Y, len(run.drawn.X)
    cuts = [replace(run.steps, start=i, stop=i + 1) for i in range(rows)]
    programs = {backend.name: run.compiled(backend) for backend in backends}
    differences = {name: np.full((epochs, rows), np.nan) for name in programs}
    reference, state, before = (run.drawn.state() for _ in range(3))
    weights, losses = run.expected
    want, difference = np.full(rows, np.nan), np.empty_like(before.parameters)
    with np.errstate(all="ignore"):
        for k in range(epochs):
            seen = {name: np.full(rows, np.nan) for name in programs}
            for i, steps in enumerate(cuts):
                before.parameters[...] = reference.parameters
                run.reference.run_epoch(reference, X, Y, steps, want)
                size = np.abs(reference.parameters, out=difference).max()
                for name, program in programs.items():
                    state.parameters[...] = before.parameters
                    program.run_epoch(state, X, Y, steps, seen[name])
                    np.subtract(state.parameters, reference.parameters, out=difference)
                    differences[name][k, i] = np.abs(difference, out=difference).max() / size
            for name in programs:
                of_losses = np.abs(seen[name] - want) / np.maximum(1.0, want)
                differences[name][k] = np.maximum(differences[name][k], of_losses)
            # The same trajectory as in whole epochs, so no step was left out.
            assert reference.parameters.tobytes() == weights[k + 1].tobytes()
            assert want.tobytes() == losses[k].tobytes()
    return differences


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    for name in BACKENDS:
        registry.load(name)
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def runs():
    """The report's runs by row, in the order of its repeats, or the first of them."""
    settings = Experiment.from_options(data=str(REAL_FILE), preprocess="standardize")
    dataset = PART_ONE.load(settings.data.source, CLASSES, settings.source_options())
    data, loss = prepare(settings, dataset), loss_named("binary_cross_entropy")
    X, Y = aligned_copy(data.X), loss.targets(data.training.labels, 1, DTYPE)

    def made(row, asked):
        network = multilayer_perceptron(X.shape[1], (row.hidden,), 1, "sigmoid")
        init = Streams(asked.training.seed).of_run("init")
        weights = initialize(network, "normal", init, DTYPE)
        return Run(row, asked, data, Problem(network, loss, X, Y, weights, row.learning_rate))

    return {
        row.id: [
            made(row, trial.experiment)
            for trial in trials[: CALM_REPEATS if row.id in CALM_ROWS else REPEATS]
        ]
        for row, trials in PART_ONE.trials(settings, len(CLASSES), REPEATS, PART_ONE.tables())
        if row.id in ROWS
    }


@pytest.mark.parametrize("row_id", ["neurons-5", "rate-1", "final-1"])
def test_the_trajectory_is_the_reports(runs, row_id):
    run = runs[row_id][-1]
    _, losses = run.expected
    assert reported_losses(run, "reference") == [float(np.mean(of_epoch)) for of_epoch in losses]


@pytest.mark.parametrize("row_id", ROWS)
def test_every_step_agrees_from_the_references_weights(runs, row_id):
    """One step is never chaotic: the table's strictest row holds for every row of the report."""
    allowed = tolerances.after_steps(1, DTYPE.name).relative
    run, backends = runs[row_id][0], map(registry.load, BACKENDS)
    for name, differences in stepwise(run, backends, STEPWISE_EPOCHS).items():
        epoch, step = np.unravel_index(differences.argmax(), differences.shape)
        worst = differences[epoch, step]
        assert worst <= allowed, f"{name}, {run}, epoch {epoch + 1}, step {step + 1}: {worst}"


@pytest.mark.parametrize(("name", "plan"), BACKEND_PLANS)
@pytest.mark.parametrize("row_id", ROWS)
def test_every_epoch_agrees_from_the_references_weights(runs, row_id, name, plan, record_property):
    backend = registry.load(name)
    if plan not in backend.capabilities.plans:
        pytest.skip(f"{name} has no plan '{plan}'")
    run = runs[row_id][0]
    failures, by_yardstick, without = epochwise(run, backend, plan=plan)
    record_property(f"{run}: epochs by their own yardstick", by_yardstick)
    record_property(f"{run}: epochs that are chaotic by themselves", without)
    assert not failures, "\n".join(failures)
    if row_id in CALM_ROWS:
        assert not by_yardstick + without, "a calm row keeps to the table"


@pytest.mark.parametrize("row_id", CALM_ROWS)
def test_the_rows_with_the_small_rate_are_calm(runs, row_id):
    for run in runs[row_id]:
        assert run.yardsticks[-1] < tolerances.CALM_YARDSTICK


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row_id", ROWS)
def test_whole_runs_agree_until_chaos(runs, row_id, backend, record_property):
    """Each epoch's loss by the yardstick of the run up to there; a calm run to its last epoch."""
    for run in runs[row_id]:
        wanted = [np.mean(of_epoch, keepdims=True) for of_epoch in run.expected[1]]
        compared, losses = 0, reported_losses(run, backend)
        for loss, want, yardstick in zip(losses, wanted, run.yardsticks, strict=True):
            allowed = tolerance_of(yardstick)
            if allowed is None:
                break
            compared += 1
            found = measures.losses(np.array([loss]), want, allowed)
            assert found.passed, f"{backend}, {run}, epoch {compared}: {found}"
        record_property(f"{run}: epochs before chaos", compared)


def farthest(runs, final_losses):
    """Return in how many runs this final loss is farther from the reference's than any nudged."""
    count = 0
    for run, loss in zip(runs, final_losses, strict=True):
        want = run.expected[1][-1].mean()
        count += bool(abs(loss - want) > np.abs(run.nudged_final_losses - want).max())
    return count


@pytest.mark.parametrize("backend", BACKENDS)
def test_chaotic_runs_end_like_nudged_runs_of_the_reference(runs, backend):
    """Not within a factor of their distance, which is 0.1: ten times that, any loss would pass."""
    chaotic = [run for row_id in ROWS for run in runs[row_id] if run.chaotic]
    assert not {run.row.id for run in chaotic} & set(CALM_ROWS)
    count = farthest(chaotic, [reported_losses(run, backend)[-1] for run in chaotic])
    assert not too_often_farthest(count, len(chaotic)), f"{count} of {len(chaotic)}"


def test_not_learning_is_too_far_from_nudged_runs(runs):
    chaotic = [run for row_id in ROWS for run in runs[row_id] if run.chaotic]
    untrained = [run.expected[1][0].mean() for run in chaotic]
    assert too_often_farthest(farthest(chaotic, untrained), len(chaotic))


@pytest.mark.parametrize("row_id", ["neurons-5", "rate-1", "rate-0.1", "final-1"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_backend_fails_in_steps_and_epochs(runs, fault, row_id):
    run, backend = runs[row_id][0], faulty_backend(fault)
    (differences,) = stepwise(run, [backend], epochs=1).values()
    assert not differences.max() <= tolerances.after_steps(1, DTYPE.name).relative
    failures, _, without = epochwise(run, backend, epochs=1)
    assert failures
    assert not without


def test_the_wrapper_without_a_fault_passes(runs):
    run, backend = runs["final-1"][0], FaultyBackend("faultless", FaultyReference)
    (differences,) = stepwise(run, [backend], epochs=1).values()
    assert differences.max() <= tolerances.after_steps(1, DTYPE.name).relative
    assert epochwise(run, backend, epochs=1) == ([], [], [])
