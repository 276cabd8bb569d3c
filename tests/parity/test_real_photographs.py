"""The report's rows on real photographs: `samplewise report --preprocess standardize`, its seeds.

Weights N(0, 1) on standardised pixels make the rows with rates 0.1 and 1 chaotic: a nudge of the
reference's own first weights by one ulp ends in other losses. No backend with another order of sums
can give the reference's figures there, and no tolerance on them would say anything. So, from the
strictest to the loosest:

- every step and every epoch, started from the weights that the reference had there;
- every epoch of the runs as the report makes them, as long as one nudge moves the run little;
- the final losses after that, as one more draw among those of nudged reference runs.
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
from samplewise.experiment.run import run as run_experiment
from samplewise.network import SGD, initialize, loss_named, multilayer_perceptron
from samplewise.report.experiments import PART_ONE
from samplewise.report.measure import measure
from samplewise.report.published import published_rows
from samplewise.streams import Streams
from samplewise.testing import measures, tolerances
from samplewise.testing.problems import Problem, aligned_copy, reference_program
from samplewise.training import batches

REAL_FILE = Path(__file__).parents[2].parent / "shared" / "data" / "sign-digits-28x28.npz"
pytestmark = [
    pytest.mark.real_data,
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
ROWS = {row.id: row for row in published_rows()}
# The rows that a nudge leaves as they are, whatever the seed.
CALM_ROWS = [row.id for row in published_rows() if row.learning_rate < 0.1]
# The reference takes the time: one repeat of a calm row says what three would, and a single step
# is never chaotic. Chaos is compared over seeds, so of the other rows all repeats are needed.
CALM_REPEATS = STEPWISE_REPEATS = 1
# Each step starts from the reference's weights, so its rounding does not grow with the epoch; the
# epochs after these are compared whole.
STEPWISE_EPOCHS = 5
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
        seed: of its weights.
        drawn: its arrays.
    """

    row: object
    seed: int
    drawn: Problem

    def __str__(self):
        return f"{self.row.id}, seed {self.seed}"

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
def measured():
    """What `samplewise report` measures, for each backend."""
    settings = Experiment.from_options(data=str(REAL_FILE), preprocess="standardize")
    return {name: measure(PART_ONE, settings.with_options(backend=name)) for name in BACKENDS}


@pytest.fixture(scope="module")
def runs(measured):
    """The report's runs by row, in the order of its repeats, or the first of them."""
    first = measured[BACKENDS[0]]
    loss, labels = loss_named("binary_cross_entropy"), first.data.training.labels
    X, Y = aligned_copy(first.data.X), loss.targets(labels, 1, DTYPE)
    found = {}
    for row in first.rows:
        repeats = CALM_REPEATS if row.row.id in CALM_ROWS else len(row.runs)
        network = multilayer_perceptron(X.shape[1], (row.row.hidden,), 1, "sigmoid")
        for seed in [run.seed for run in row.runs][:repeats]:
            weights = initialize(network, "normal", Streams(seed).of_run("init"), DTYPE)
            drawn = Problem(network, loss, X, Y, weights, row.row.learning_rate)
            found.setdefault(row.row.id, []).append(Run(row.row, seed, drawn))
    return found


def pairs(runs, measured, backend, row_id):
    """Return each run of a row that is looked at, with what the report measured of it."""
    (row,) = (row for row in measured[backend].rows if row.row.id == row_id)
    return list(zip(runs[row_id], row.runs, strict=False))


@pytest.mark.parametrize("row_id", ["neurons-5", "rate-1", "final-1"])
def test_the_trajectory_is_the_reports(runs, measured, row_id):
    run, first = runs[row_id][-1], measured[BACKENDS[0]]
    alone = first.settings.with_options(
        hidden=(run.row.hidden,),
        learning_rate=run.row.learning_rate,
        epochs=run.row.epochs,
        seed=run.seed,
        backend="reference",
    )
    history = run_experiment(alone, first.data).history
    _, losses = run.expected
    assert history.losses == [float(np.mean(of_epoch)) for of_epoch in losses]


@pytest.mark.parametrize("row_id", ROWS)
def test_every_step_agrees_from_the_references_weights(runs, row_id):
    """One step is never chaotic: the table's strictest row holds for every row of the report."""
    allowed = tolerances.after_steps(1, DTYPE.name).relative
    for run in runs[row_id][:STEPWISE_REPEATS]:
        backends = map(registry.load, BACKENDS)
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
    for run in runs[row_id]:
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
def test_whole_runs_agree_until_chaos(runs, measured, row_id, backend, record_property):
    """Each epoch's loss by the yardstick of the run up to there; a calm run to its last epoch."""
    for run, got in pairs(runs, measured, backend, row_id):
        wanted = [np.mean(of_epoch, keepdims=True) for of_epoch in run.expected[1]]
        compared = 0
        for loss, want, yardstick in zip(got.losses, wanted, run.yardsticks, strict=True):
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
def test_chaotic_runs_end_like_nudged_runs_of_the_reference(runs, measured, backend):
    """Not within a factor of their distance, which is 0.1: ten times that, any loss would pass."""
    chaotic = [
        (run, got.losses[-1])
        for row_id in ROWS
        for run, got in pairs(runs, measured, backend, row_id)
        if run.chaotic
    ]
    assert not {run.row.id for run, _ in chaotic} & set(CALM_ROWS)
    found, losses = zip(*chaotic, strict=True)
    count = farthest(found, losses)
    assert not too_often_farthest(count, len(found)), f"{count} of {len(found)}"


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
