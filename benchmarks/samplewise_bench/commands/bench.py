"""`samplewise bench`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplewise.cli import console, options

if TYPE_CHECKING:
    from samplewise.report.published import PublishedRow
    from samplewise_bench.peers.comparison import PeerChoice
    from samplewise_bench.peers.results import PeerComparison

ALL = "all"
# A median of fewer says little on a machine that does other work too.
MINIMUM_ROUNDS = 5

Rows = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Rows of the report, as in final-1,neurons-60, or all.  [default: final-1]",
    ),
]
Backends = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="NAMES",
        help="Backends, as in reference,numba_cpu.  [default: all]",
    ),
]
BatchSizes = Annotated[
    str | None,
    typer.Option(
        "--batch-size", metavar="INTEGERS", help="Rows of one update, as in 1,32.  [default: 1,32]"
    ),
]
Rounds = Annotated[
    str,
    typer.Option(metavar="INTEGER", help=f"Interleaved runs of each, at least {MINIMUM_ROUNDS}."),
]
Peers = Annotated[
    bool, typer.Option("--peers", help="Compare with other libraries instead, in float32.")
]
Process = Annotated[
    bool, typer.Option("--process", help="Time whole processes and calls instead, as a user waits.")
]
Workloads = Annotated[
    str | None,
    typer.Option(
        "--workload",
        metavar="NAMES",
        help="With --peers: workloads to train; `list` names all.  [default: all]",
    ),
]
PeerNames = Annotated[
    str | None,
    typer.Option(
        "--peer",
        metavar="NAMES",
        help="With --peers: libraries, as in samplewise,jax.  [default: all]",
    ),
]
Plans = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="NAMES",
        help="With --peers: samplewise's plans, as in auto,direct.  [default: each workload's]",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="With --peers: folder to write to.  [default: peers]",
        rich_help_panel=options.OUTPUT,
    ),
]


@options.given("dtype", workload=Workloads, peer=PeerNames, plan=Plans)
def bench(
    given: dict[str, Any],
    rows: Rows = None,
    backend: Backends = None,
    batch_size: BatchSizes = None,
    rounds: Rounds = str(MINIMUM_ROUNDS),
    peers: Peers = False,
    process: Process = False,
    out: Out = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Time backends on rows of the report, on one core, after checking that they agree.

    With --peers, time samplewise beside JAX, PyTorch, scikit-learn and FANN, where installed. With
    --process, time whole processes and public calls beside scikit-learn's.
    """
    dtype, workload = given.get("dtype"), given.get("workload")
    peer, plan = given.get("peer"), given.get("plan")
    count = _count("rounds", rounds, MINIMUM_ROUNDS)
    of_rows: dict[str, object] = {"--rows": rows, "--batch-size": batch_size, "--dtype": dtype}
    of_peers: dict[str, object] = {
        "--workload": workload,
        "--peer": peer,
        "--plan": plan,
        "--out": out,
    }
    if peers and process:
        _refuse("with --peers", {"--process": process})
    if process:
        _refuse("with --process", {**of_rows, "--backend": backend, **of_peers})
        _bench_processes(count, as_json)
        return
    _refuse("with --peers" if peers else "without --peers", of_rows if peers else of_peers)
    if not peers:
        _bench_rows(rows, backend, dtype, batch_size, count, as_json)
    elif workload == "list":
        _list_workloads()
    else:
        _bench_peers(_choice(workload, peer, plan, backend), count, out, force, as_json)


def _refuse(where: str, given: dict[str, object]) -> None:
    from samplewise.errors import ParameterError

    for option, value in given.items():
        if value is not None:
            raise ParameterError(f"{option} means nothing {where}; leave it out")


def _bench_processes(count: int, as_json: bool) -> None:
    from samplewise_bench.process.rows import HEADERS, measure_waits

    waits = measure_waits(count, console.note)
    if as_json:
        console.result_json(waits.to_json())
        return
    console.table([finding.cells() for finding in waits.findings], HEADERS)
    console.result(f"\n{waits.caption()}")


def _bench_rows(
    rows: str | None,
    backend: str | None,
    dtype: str | None,
    batch_size: str | None,
    count: int,
    as_json: bool,
) -> None:
    from samplewise import registry
    from samplewise.training.settings.training_settings import DTYPES
    from samplewise_bench.rows import HEADERS, available_backends, compare_rows

    chosen = _rows("final-1" if rows is None else rows)
    backends = available_backends() if backend is None else _names("backend", backend)
    sizes = _names("batch_size", "1,32" if batch_size is None else batch_size)
    batch_sizes = [_count("batch_size", text, 1) for text in sizes]
    for name in backends:
        registry.load(name)
    console.note("checking that the backends agree, then timing them in turns")
    comparison = compare_rows(
        chosen,
        backends,
        dtype=dtype or DTYPES[0],
        batch_sizes=batch_sizes,
        rounds=count,
    )
    if as_json:
        console.result_json(comparison.to_json())
        return
    console.table([result.cells() for result in comparison.results], HEADERS)
    console.result(f"\n{comparison.caption()}")


def _bench_peers(
    choice: PeerChoice, rounds: int, out: Path | None, force: bool, as_json: bool
) -> None:
    from samplewise.io.writing import check_output_folder
    from samplewise_bench.output import file_names, write_measurement
    from samplewise_bench.peers.comparison import compare_peers
    from samplewise_bench.peers.plot import picture
    from samplewise_bench.peers.table import markdown, to_json

    folder, files = out or Path("peers"), file_names("peers")
    check_output_folder(folder, force=force, known=files)
    console.note("checking that the peers agree, then timing them in turns")
    comparison = compare_peers(choice, rounds=rounds, log=console.note)
    text, document = markdown(comparison, files[0]), to_json(comparison)
    write_measurement(folder, "peers", picture(comparison), text, document, force=force)
    if as_json:
        console.result_json({**document, "folder": str(folder)})
    else:
        _print_peers(comparison)
        console.result(f"\nwritten to {folder}: {', '.join(files)}")


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


def _choice(
    workload: str | None, peer: str | None, plan: str | None, backend: str | None
) -> PeerChoice:
    from samplewise import registry
    from samplewise.contract.plan import AUTO_PLAN, PLANS
    from samplewise_bench.peers.comparison import PeerChoice
    from samplewise_bench.peers.task import PEERS
    from samplewise_bench.peers.workloads import WORKLOADS

    backends = _known("backend", backend, registry.names())
    return PeerChoice(
        _known("workload", workload, WORKLOADS),
        _known("peer", peer, PEERS),
        _known("plan", plan, (AUTO_PLAN, *PLANS)),
        backends,
    )


def _known(option: str, text: str | None, known: Iterable[str]) -> tuple[str, ...]:
    from samplewise.checks import one_of

    if text is None or text == ALL:
        return ()
    return tuple(one_of(option, name, known) for name in _names(option, text))


def _rows(text: str) -> list[PublishedRow]:
    from samplewise.checks import one_of
    from samplewise.report.published import published_rows

    known = {row.id: row for row in published_rows()}
    if text == ALL:
        return list(known.values())
    return [known[one_of("rows", name, (*known, ALL))] for name in _names("rows", text)]


def _names(option: str, text: str) -> list[str]:
    from samplewise.checks import listed_names, printable
    from samplewise.errors import ParameterError

    try:
        return list(dict.fromkeys(listed_names(text)))
    except ValueError:
        raise ParameterError(
            f"{option} is '{printable(text)}', but must be one or more, joined by commas"
        ) from None


def _count(option: str, text: str, minimum: int) -> int:
    from samplewise.options.kinds import whole

    return int(whole(minimum).from_text(option, text))
