"""A sweep: which experiments it consists of, and the file that describes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from samplewise.checks import (
    must_be,
    one_of,
    printable,
    suggestion_or_list,
    true_or_false,
    whole_number,
)
from samplewise.errors import ConfigError, ErrorList, ParameterError
from samplewise.experiment.config_file import WORDS, checked_options, toml_table
from samplewise.experiment.experiment import Experiment
from samplewise.options.arguments import NamedArguments
from samplewise.sweep.candidates import GREATER_IS_BETTER
from samplewise.sweep.contradictions import (
    UNITS,
    check_compared,
    check_sampled,
    check_seeds,
    check_together,
)
from samplewise.sweep.points import Listed, Points, Values
from samplewise.sweep.rungs import Rungs
from samplewise.sweep.space import Space
from samplewise.sweep.trials import Trials, changed
from samplewise.text import counted

MOST_TRIALS = 1_000_000
KEYS = (
    *("settings", "space", "seeds", "samples", "sample_seed", "own_splits", "own_seeds"),
    *("rungs", "sampler"),
)
SAMPLERS = {"tpe": "TPESampler", "gp": "GPSampler"}
"""Names of samplers, and their classes in optuna.samplers."""


class Sweep(NamedArguments):
    """Experiments that differ in some settings, each repeated with several seeds.

    Args:
        space: the settings that vary, as `Space.of` takes them: a list of values is a grid, a text
            such as "log 1e-4 1e-1" a range to draw from.
        settings: the others, an Experiment or its flat words.
        seeds: repeats: their number, counted up from the seed of the settings, or a list of seeds.
        samples: candidates to draw; needed where there is a range. Lists are drawn from too.
        sample_seed: of the draws.
        own_splits: let each repeat draw test rows of its own; otherwise all trials share them.
        own_seeds: count the seeds on from candidate to candidate, so that no two trials begin with
            the same weights; otherwise each candidate has the same seeds.
        rungs: successive halving, such as {"first": 5, "factor": 3}: all candidates train for 5
            epochs, the best third go on to 15, the best third of those to 45, until all epochs are
            done. Candidates are compared by validation rows where there are any, else by the
            training loss.
        sampler: one of `SAMPLERS`, from optuna, which proposes the `samples` candidates by what
            those before them reached; None draws them independently.

    Attributes:
        trials: all of them, candidate by candidate, each made when it is asked for; empty with a
            sampler, whose are in the journal.
        samples: candidates that a sampler proposes; 0 without one.
        rungs: of successive halving; None where all candidates train to the end.
        definition: the sweep as JSON values.

    Raises:
        ParameterError: an unknown factor, an empty, contradictory or too large space, or a
            candidate that is not a valid experiment; the message names it.
    """

    def __init__(
        self,
        space: Mapping[str, Any],
        settings: Experiment | Mapping[str, Any] | None = None,
        *,
        seeds: int | Sequence[int] | None = None,
        samples: int | None = None,
        sample_seed: int = 0,
        own_splits: bool = False,
        own_seeds: bool = False,
        rungs: Mapping[str, int] | None = None,
        sampler: str | None = None,
    ) -> None:
        self.space = Space.of(space)
        base, fixed = _base(settings)
        true_or_false("own_splits", own_splits)
        true_or_false("own_seeds", own_seeds)
        check_together(self.space, fixed, own_splits=own_splits)
        check_seeds(self.space, seeds, own_seeds=own_seeds)
        self.samples, self._own_seeds = 0, own_seeds
        self.seeds = _seeds(seeds, base.training.seed)
        samples = None if samples is None else whole_number("samples", samples)
        sample_seed = whole_number("sample_seed", sample_seed, minimum=0)
        points = self._points(samples, sample_seed)
        self.sampler = None if sampler is None else one_of("sampler", sampler, SAMPLERS)
        if self.sampler is not None:
            check_sampled(self.space, samples, has_rungs=rungs is not None, own_seeds=own_seeds)
            self.samples, points = len(points), Listed(())
        for name, given in {"rungs": rungs, "sampler": sampler}.items():
            if given is not None:
                check_compared(self.space, base, name)
        self.definition: dict[str, Any] = {
            "settings": changed(base),
            "space": self.space.definition,
            "seeds": len(self.seeds) if own_seeds else list(self.seeds),
            "samples": samples,
            "sample_seed": sample_seed,
            "own_splits": own_splits,
        }
        if "seed" in self.factors:
            self.definition["seeds"] = None
        # Without these, the definition is that of versions that did not know them.
        if own_seeds:
            self.definition["own_seeds"] = True
        self.rungs = None if rungs is None else Rungs.of(rungs, base, self.factors)
        if self.rungs is not None:
            self.definition["rungs"] = self.rungs.definition
        if self.sampler is not None:
            self.definition["sampler"] = self.sampler
        if base.data.split_seed is None and not own_splits:
            base = base.with_options(split_seed=base.training.seed)
        self.base = base
        self.trials = self._trials_of(points)
        self._check_trials()

    def __repr__(self) -> str:
        """Return the factors, and the number of trials."""
        return f"Sweep({self.space.definition}, {counted(self.size, 'trial')})"

    def _check_trials(self) -> None:
        self.trials.check()

    @property
    def size(self) -> int:
        """Trials, those of a sampler too."""
        return len(self.trials) or self.samples * len(self.seeds)

    @property
    def factors(self) -> tuple[str, ...]:
        """The words of the settings that vary."""
        return tuple(self.space.factors)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that candidates may be compared by, the first measured one by default.

        Not by losses whose units differ between candidates.
        """
        apart = {metric for word in self.factors for metric in UNITS.get(word, ())}
        return tuple(name for name in GREATER_IS_BETTER if name not in apart)

    def in_words(self, metric: str) -> str:
        """Return a metric with the units of its losses, where they are not those of the data."""
        standardized = self.base.data.standardize_targets and metric in UNITS["standardize_targets"]
        return metric + " of standardized targets" * standardized

    def _points(self, samples: int | None, seed: int) -> Points:
        if samples is None and self.space.is_drawn:
            raise ParameterError(
                "samples: must be given where the space has a range, got none; write, say, "
                "samples = 20"
            )
        count = self.space.grid_size if samples is None else samples
        if count * len(self.seeds) > MOST_TRIALS:
            raise ParameterError(
                f"space: has {count * len(self.seeds):,} trials, {counted(count, 'candidate')} "
                f"with {counted(len(self.seeds), 'seed')} each, at most {MOST_TRIALS:,} are "
                "allowed; "
                + ("shorten the lists, or draw some with" if samples is None else "ask for fewer")
                + " samples"
            )
        return self.space.grid() if samples is None else self.space.drawn(samples, seed)

    def proposed(self, candidates: Iterable[Values]) -> Trials:
        """Return the trials of candidates that a sampler proposed, numbered in their order.

        Args:
            candidates: values of all factors; equal ones count once.
        """
        return self._trials_of(Listed(candidates))

    def _trials_of(self, points: Points) -> Trials:
        return Trials(points, self.base, self.seeds, own_seeds=self._own_seeds)


class BegunSweep(Sweep):
    """A sweep whose trials were checked when it was begun: a thousand take 0.1 s."""

    def _check_trials(self) -> None:
        """Check none."""


def read_sweep(path: Path) -> Sweep:
    """Return the sweep that a TOML file describes: the arguments of `Sweep` by name.

    `settings` and `space` are tables; the words in them are those of a configuration file.

    Raises:
        ConfigError: it cannot be read, or holds an unknown key or value.
        ParameterError: as `Sweep`.
    """
    table, name = toml_table(path), printable(path)
    errors = ErrorList(ParameterError)
    for key in table:
        with errors:
            _check_key(key, name)
    space, settings, options = table.pop("space", {}), table.pop("settings", {}), {}
    with errors:
        if not isinstance(settings, dict):
            raise ConfigError(must_be(f"{name}: settings", "a table", settings))
        options = checked_options(settings, name)
    if errors and space:
        with errors, _naming(name):
            Space.of(space)
    errors.check()
    with _naming(name):
        return Sweep(space, options, **table)


def _check_key(key: str, name: str) -> None:
    if key in KEYS:
        return
    if key.replace("-", "_") in WORDS:
        raise ConfigError(
            f"{name} has the setting {key} outside of a table; settings that all trials "
            "share belong to [settings], those that vary to [space]"
        )
    raise ConfigError(
        f"{name} has the unknown key '{printable(key)}'"
        f"{suggestion_or_list(key, KEYS, 'Known keys')}"
    )


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Add the name of the file to errors."""
    try:
        yield
    except ParameterError as error:
        errors = ErrorList(ParameterError)
        for part in error.parts or (error,):
            errors.add(type(part)(f"{part} (in {name})"))
        errors.check()


def _base(settings: Any) -> tuple[Experiment, set[str]]:
    """Return the experiment of the settings, and the words that were set."""
    if isinstance(settings, Experiment):
        return settings, set(changed(settings))
    if not isinstance(settings, Mapping | None):
        remedy = "write, say, {'data': 'iris', 'epochs': 3}"
        raise ParameterError(must_be("settings", "an Experiment or its words", settings, remedy))
    words = dict(settings or {})
    return Experiment.from_options(**words), set(words)


def _seeds(given: int | Sequence[int] | None, first: int) -> tuple[int, ...]:
    if given is None:
        return (first,)
    if not isinstance(given, list | tuple):
        count = whole_number("seeds", given, maximum=MOST_TRIALS)
        return tuple(range(first, first + count))
    seeds = tuple(whole_number("seeds", seed, minimum=0) for seed in given)
    if not seeds or len(set(seeds)) < len(seeds):
        remedy = "name each of them once"
        raise ParameterError(must_be("seeds", "different seeds", given, remedy))
    return seeds
