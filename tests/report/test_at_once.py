"""A report whose rows train at once: what is told of all of them, and what of each by itself."""

import numpy as np
import pytest

from faults.faulty_reference import FaultyBackend, OneByOne
from samplewise import registry
from samplewise.cli import report as command
from samplewise.errors import DivergenceError
from samplewise.experiment.run import run
from samplewise.registry import Choice
from samplewise.report import html, markdown
from samplewise.report import measure as measuring
from samplewise.report.content import texts
from samplewise.report.document import FactList
from samplewise.report.experiments import PART_ONE
from samplewise.report.measure import measure
from samplewise.report.part_one import facts
from samplewise.report.write import document, results
from samplewise.text import three_digits


@pytest.fixture
def many_backend(monkeypatch):
    """Make every run use a backend that trains many networks at once, with this program."""

    def use(program):
        choice = Choice(FaultyBackend("many", many=program), "chosen by the test")
        monkeypatch.setattr(registry, "resolve", lambda *_: choice)

    return use


def test_a_run_at_once_has_the_losses_that_it_has_by_itself(measured_at_once, measured):
    for row, by_itself in zip(measured_at_once.rows, measured.rows, strict=True):
        for one, other in zip(row.runs, by_itself.runs, strict=True):
            assert one.seed == other.seed
            assert one.losses == pytest.approx(other.losses, rel=1e-12)
            assert one.accuracy == other.accuracy
            assert one.loss_difference == 0


def test_all_rows_of_a_repeat_train_at_once_and_each_by_itself_for_its_time(
    many_backend, monkeypatch, settings, short_tables
):
    class Counts(OneByOne):
        def run_epoch(self, states, X, Y, steps, losses, active):
            asked.append(list(active))
            super().run_epoch(states, X, Y, steps, losses, active)

    def counted(experiment, data):
        alone.append((experiment.training.seed, experiment.training.plan))
        result = run(experiment, data)
        times.append(result.history.train_ms)
        return result

    asked, alone, times = [], [], []
    many_backend(Counts)
    monkeypatch.setattr(measuring, "run", counted)
    found = measure(PART_ONE, settings, repeats=2, tables=short_tables[:2])
    # An epoch before all; then rate-1 has two epochs and rate-0.1 has three.
    assert asked == [[0, 1], *[[0, 1], [0, 1], [1]] * 2]
    # Not by the plan of both at once, which may be slow for one.
    assert alone == [(5, "auto"), (7, "auto"), (6, "auto"), (8, "auto")]
    of_runs = [
        run.train_ms for repeat in (0, 1) for row in found.rows for run in [row.runs[repeat]]
    ]
    assert of_runs == times
    assert found.at_once.networks == 2
    assert len(found.at_once.train_ms) == 2
    assert all(ms > 0 for ms in found.at_once.train_ms)


def test_losses_accuracy_and_the_chosen_run_are_of_those_at_once(
    many_backend, settings, short_tables
):
    class Off(OneByOne):
        """Trains well, and moves every weight a little before it starts."""

        def run_epoch(self, states, X, Y, steps, losses, active):
            if states[0].step == 0:
                for state in states:
                    state.parameters += 1e-3
            super().run_epoch(states, X, Y, steps, losses, active)

    many_backend(Off)
    found = measure(PART_ONE, settings, repeats=1, tables=short_tables)
    for row in found.rows:
        (one,) = row.runs
        alone = run(_experiment(settings, row, one.seed), found.data).history.losses
        difference = max(abs(a - b) for a, b in zip(alone, one.losses, strict=True))
        assert one.loss_difference == pytest.approx(difference)
        assert difference > 1e-6
    assert found.chosen.first.history.losses == list(found.rows[2].runs[0].losses)
    assert found.chosen.first.history.shared.index == 2
    largest = max(run.loss_difference for row in found.rows for run in row.runs)
    assert _reading(found)[1].endswith(f"differ by at most {largest:.0e}.")


def _experiment(settings, row, seed):
    return settings.with_options(
        hidden=(row.row.hidden,),
        learning_rate=row.row.learning_rate,
        epochs=row.row.epochs,
        seed=seed,
    )


def _reading(measured):
    return texts(measured, facts(measured))["reading"]


def _conditions(document):
    return dict(next(block.rows for block in document.blocks if isinstance(block, FactList)))


def test_progress_is_told_of_every_run_a_repeat_at_a_time(many_backend, settings, short_tables):
    told = []
    many_backend(OneByOne)
    measure(PART_ONE, settings, repeats=2, tables=short_tables[:2], on_run=told.append)
    assert [(row.row.id, len(row.runs)) for row in told] == [
        ("rate-1", 1),
        ("rate-0.1", 1),
        ("rate-1", 2),
        ("rate-0.1", 2),
    ]


def test_a_network_that_diverges_ends_the_report(many_backend, settings, short_tables):
    class Breaks(OneByOne):
        """Is well in its first epoch, which is the untimed one."""

        def run_epoch(self, states, X, Y, steps, losses, active):
            is_first = states[0].step == 0
            super().run_epoch(states, X, Y, steps, losses, active)
            if not is_first:
                states[0].parameters[:] = np.nan

    told = []
    many_backend(Breaks)
    with pytest.raises(DivergenceError):
        measure(PART_ONE, settings, repeats=1, tables=short_tables[:2], on_run=told.append)
    assert told == []


def test_both_times_are_told_and_which_is_which(measured_at_once, measured):
    told, at_once = document(measured_at_once), measured_at_once.at_once
    alone = sum(run.train_ms for row in measured_at_once.rows for run in row.runs) / 2
    mean = three_digits(sum(at_once.train_ms) / 2)
    assert told.headlines[0].value == f"{three_digits(alone)} ms"
    assert f"each once by itself; all 4 together: {mean} ms; pub" in told.headlines[0].detail
    together = _reading(measured_at_once)[1]
    assert together.startswith("The 4 networks of a repeat, one of each row, trained together")
    assert "each was trained by itself too, and the training times are of that" in together
    assert together.endswith("the losses of an epoch are the same.")
    conditions = _conditions(told)
    assert conditions["plan"] == "direct by itself, direct together"
    assert conditions["together"].startswith(f"the 4 networks of a repeat in {mean}")
    assert conditions["together"].endswith(f"all 8 in {three_digits(sum(at_once.train_ms))} ms")
    for page in (html.render(told), markdown.render(told)):
        assert f"all 4 together: {mean} ms" in page

    by_itself = document(measured)
    plans = {run.plan for row in measured.rows for run in row.runs}
    assert _conditions(by_itself)["plan"] == ", ".join(sorted(plans))
    assert "together" not in html.render(by_itself)
    assert len(_reading(measured)) == 2


def test_the_results_hold_both_times(measured_at_once, measured):
    values = results(measured_at_once)
    assert values["at_once"]["networks"] == 4
    assert values["at_once"]["train_ms"] == measured_at_once.at_once.train_ms
    assert values["rows"][0]["runs"][0]["train_ms"] == measured_at_once.rows[0].runs[0].train_ms
    assert values["rows"][0]["runs"][0]["plan"] == "direct"
    assert results(measured)["at_once"] is None


def test_the_command_tells_both_times(measured_at_once, measured, tmp_path, capsys):
    command.show(measured_at_once, tmp_path)
    total = three_digits(sum(measured_at_once.at_once.train_ms))
    told = " ".join(capsys.readouterr().out.split())
    assert "The 4 networks of a repeat trained together in" in told
    assert f"all 8 in {total} ms; each was trained by itself too, for its ms." in told
    command.show(measured, tmp_path)
    assert "together" not in capsys.readouterr().out
