"""`samplewise bench`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from samplewise.checks import printable
from samplewise.cli import console, options
from samplewise.cli.options import option, output, switch
from samplewise.contract.plan import AUTO_PLAN, PLANS
from samplewise.errors import ParameterError
from samplewise.options.kinds import whole
from samplewise.training.settings.training_settings import DTYPES
from samplewise_bench.commands import texts
from samplewise_bench.timing import ROUNDS

if TYPE_CHECKING:
    from samplewise_bench.peers.comparison import PeerChoice
    from samplewise_bench.peers.results import PeerComparison

NAME = "peers"
Text = str | None
Rows = Annotated[
    Text,
    option("NAMES", "Rows of the report, as in final-1,neurons-60, or all.  [default: final-1]"),
]
Backends = Annotated[
    Text, option("NAMES", "Backends, as in reference,numba_cpu.  [default: all]", "--backend")
]
BatchSizes = Annotated[
    Text, option("INTEGERS", "Rows of one update, as in 1,32.  [default: 1,32]", "--batch-size")
]
Rounds = Annotated[str, option("INTEGER", f"Interleaved runs of each, at least {ROUNDS}.")]
Peers = Annotated[bool, switch("--peers", "Compare with other libraries instead, in float32.")]
Process = Annotated[
    bool, switch("--process", "Time whole processes and calls instead, as a user waits.")
]
Estimators = Annotated[
    bool, switch("--estimators", "Time estimators beside scikit-learn's instead.")
]
Scores = Annotated[
    bool, switch("--scores", "Compare estimators' test scores over ten seeds instead.")
]
Workloads = Annotated[
    Text,
    option(
        "NAMES", "With --peers: workloads to train; `list` names all.  [default: all]", "--workload"
    ),
]
PeerNames = Annotated[
    Text,
    option("NAMES", "With --peers: libraries, as in samplewise,jax.  [default: all]", "--peer"),
]
Plans = Annotated[
    Text,
    option(
        "NAMES",
        "With --peers: samplewise's plans, as in auto,direct.  [default: each workload's]",
        "--plan",
    ),
]
Out = Annotated[
    Path | None, output("FOLDER", "With --peers: folder to write to.  [default: peers]")
]
OF_ROWS, OF_PEERS = ("rows", "batch_size", "dtype"), ("workload", "peer", "plan", "out")


@options.given(
    "dtype",
    workload=Workloads,
    peer=PeerNames,
    plan=Plans,
    rows=Rows,
    backend=Backends,
    batch_size=BatchSizes,
)
def bench(
    given: dict[str, Any],
    rounds: Rounds = str(ROUNDS),
    peers: Peers = False,
    process: Process = False,
    estimators: Estimators = False,
    scores: Scores = False,
    out: Out = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Time backends on rows of the report, on one core, after checking that they agree.

    With --peers, time samplewise beside JAX, PyTorch, scikit-learn and FANN, where installed. With
    --process, time whole processes and public calls beside scikit-learn's. With --estimators, time
    fits and predictions of both libraries' estimators, and with --scores compare their scores.
    """
    count = texts.rounds_of(rounds)
    modes = {"process": process, "estimators": estimators, "scores": scores, "peers": peers}
    asked = [name for name, wanted in modes.items() if wanted]
    said = {**dict.fromkeys(asked[1:], True), **given, "out": out}
    if not asked:
        _refuse(None, said, OF_PEERS)
        _bench_rows(given, count, as_json)
    elif asked == ["peers"]:
        _refuse("--peers", said, OF_ROWS)
        if given.get("workload") == "list":
            _list_workloads()
        else:
            _bench_peers(_choice(given), count, out or Path(NAME), force, as_json)
    else:
        _refuse(f"--{asked[0]}", said, (*asked[1:], *OF_ROWS, "backend", *OF_PEERS))
        _bench_beside_scikit_learn(asked[0], count, as_json)


def _refuse(mode: str | None, given: dict[str, object], unread: Iterable[str]) -> None:
    """Refuse options that the chosen mode does not read; without one, those of --peers."""
    for name in unread:
        value = given.get(name)
        if value is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        got = flag if value is True else f"{flag} {printable(value)}"
        wrong, remedy = f"cannot be used with {mode}", f"omit {flag} or {mode}"
        if mode is None:
            wrong, remedy = "needs --peers", f"add --peers, or omit {flag}"
        raise ParameterError(f"bench: {flag} {wrong}, got {got}; {remedy}")


def _bench_beside_scikit_learn(mode: str, count: int, as_json: bool) -> None:
    if mode == "process":
        from samplewise_bench.process.rows import HEADERS, measure_waits

        waits = measure_waits(count, console.note)
        texts.result(waits, HEADERS, waits.findings, as_json=as_json)
    elif mode == "estimators":
        from samplewise_bench.estimators import race

        duels = race.race_estimators(count, console.note)
        texts.result(duels, race.HEADERS, duels.duels, as_json=as_json)
    else:
        from samplewise_bench.estimators import scores

        table = scores.compare_scores(scores.SEEDS, console.note)
        texts.result(table, scores.HEADERS, table.scores, as_json=as_json)


def _bench_rows(given: dict[str, str], count: int, as_json: bool) -> None:
    from samplewise import registry
    from samplewise.report.published import published_rows
    from samplewise_bench.rows import HEADERS, available_backends, compare_rows

    published = {row.id: row for row in published_rows()}
    rows = texts.known("rows", given.get("rows", "final-1"), published)
    named = given.get("backend")
    backends = available_backends() if named is None else texts.listed("backend", named)
    sizes = texts.listed("batch_size", given.get("batch_size", "1,32"))
    batch_sizes = [whole().from_text("batch_size", size) for size in sizes]
    for name in backends:
        registry.load(name)
    console.note("checking that the backends agree, then timing them in turns")
    comparison = compare_rows(
        [published[name] for name in rows],
        backends,
        dtype=given.get("dtype", DTYPES[0]),
        batch_sizes=batch_sizes,
        rounds=count,
    )
    texts.result(comparison, HEADERS, comparison.results, as_json=as_json, keys=3)


def _bench_peers(choice: PeerChoice, rounds: int, out: Path, force: bool, as_json: bool) -> None:
    from samplewise.io.writing import check_output_folder
    from samplewise_bench.output import file_names, write_measurement
    from samplewise_bench.peers.comparison import compare_peers
    from samplewise_bench.peers.plot import picture
    from samplewise_bench.peers.table import markdown, to_json

    files = file_names(NAME)
    check_output_folder(out, force=force, known=files)
    console.note("checking that the peers agree, then timing them in turns")
    comparison = compare_peers(choice, rounds=rounds, log=console.note)
    written = markdown(comparison, files[0]), to_json(comparison)
    write_measurement(out, NAME, picture(comparison), *written, force=force)
    if as_json:
        console.result_json({**written[1], "folder": str(out)})
    else:
        _print_peers(comparison)
        console.result(f"\nwritten to {out}: {', '.join(files)}")


def _print_peers(comparison: PeerComparison) -> None:
    from samplewise_bench.peers import table

    for result in comparison.results:
        console.result(f"\n{table.title(result)}")
        lines = [table.cells(entry, result) for entry in result.entries]
        console.table(lines, table.headers(result), numbers=True)
        for line in table.notes(result):
            console.result(f"  {line}")
    console.result("")
    console.table([table.peer_cells(info) for info in comparison.peers], table.PEER_HEADERS)
    console.result("")
    console.table(table.machine(comparison))
    console.result(f"\n{table.LEGEND}")


def _list_workloads() -> None:
    from samplewise_bench.peers.workloads import WORKLOADS

    lines = [(name, row.title, ", ".join(row.peers)) for name, row in WORKLOADS.items()]
    console.table(lines, ("workload", "what", "peers"))


def _choice(given: dict[str, str]) -> PeerChoice:
    from samplewise import registry
    from samplewise_bench.peers.comparison import PeerChoice
    from samplewise_bench.peers.task import PEERS
    from samplewise_bench.peers.workloads import WORKLOADS

    known = (
        ("workload", WORKLOADS),
        ("peer", PEERS),
        ("plan", (AUTO_PLAN, *PLANS)),
        ("backend", registry.names()),
    )
    return PeerChoice(*(tuple(texts.known(name, given.get(name), names)) for name, names in known))
