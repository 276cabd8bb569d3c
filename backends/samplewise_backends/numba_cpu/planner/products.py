"""The cost of the first layer's products, and the fastest way of taking each."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.contract import PlanSpec, Workload
from samplewise.contract.plan import BLOCKED, DIRECT, DUAL
from samplewise.errors import ParameterError
from samplewise_backends.numba_cpu.kernels.products import ABREAST, LOOPS, THIN, TILE, TILED, WHOLE
from samplewise_backends.numba_cpu.planner.rates import (
    FAR_BYTES,
    INNERS,
    TABLE_ROWS,
    THIN_ROWS,
    Table,
    Tables,
    interpolated,
    rate,
)

# TILED unless another way is faster by so much: noise should not decide.
CLEARLY = 1.03
# The smallest entry of the tables that is packed by OpenBLAS on every processor.
PACKED_ROWS, PACKED_UNITS = 16, 256
# The products of each plan, by their places in `Estimate.kinds`, and the ways to take one. The
# direct plan takes both of its first layer in one way, which has no word where it is WHOLE.
_PRODUCTS = {BLOCKED: (0, 1), DUAL: (2,), DIRECT: (0,)}
_KINDS = {
    BLOCKED: {"whole": WHOLE, "tiled": TILED, "loops": LOOPS},
    DUAL: {"whole": WHOLE, "tiled": TILED},
    DIRECT: {"thin": THIN, "abreast": ABREAST},
}


def word_of(plan: str, kinds: Sequence[int]) -> str:
    """Return the way in which a plan takes its products in a word, as "tiled+loops"."""
    words = {kind: word for word, kind in _KINDS[plan].items()}
    return "+".join(words.get(kinds[k], "") for k in _PRODUCTS[plan])


def asked_kinds(workload: Workload) -> dict[str, tuple[int, ...]]:
    """Return the kinds of product that a workload asks of its plan, by the plan's name.

    Raises:
        ParameterError: its word is not of this backend.
    """
    plan, parts = workload.plan, workload.products.split("+")
    if workload.spec == PlanSpec(DIRECT):
        return {DIRECT: (WHOLE,)}
    if not workload.products or plan not in _PRODUCTS:
        return {}
    if len(parts) != len(_PRODUCTS[plan]) or not all(part in _KINDS[plan] for part in parts):
        some = " and ".join(["one of " + ", ".join(_KINDS[plan])] * len(_PRODUCTS[plan]))
        plain = PlanSpec(plan, workload.block)
        raise ParameterError(
            f"plan: the products of {plan} by numba_cpu must be {some}, joined by +, got "
            f"'{workload.products}'; use {plain} or auto"
        )
    return {plan: tuple(_KINDS[plan][part] for part in parts)}


def product_ns(
    tables: Tables, rows: float, units: float, inner: float, of_rows: Sequence[float] = TABLE_ROWS
) -> float:
    """Return the nanoseconds of a multiply-add in a product of this size; `of_rows`: the tables'.

    An entry of the result costs something by itself, and something for each inner element.
    """
    short, long = (
        length / rate(table, rows, units, of_rows)
        for length, table in zip(INNERS, tables, strict=True)
    )
    each = max(long - short, 0.0) / (INNERS[1] - INNERS[0])
    return max(short - each * INNERS[0], 0.0) / inner + each


def thin_ns(tables: Tables, rows: float, units: float, inner: float) -> float:
    """As `product_ns`, with the batch in the lanes."""
    columns = max(rows, THIN_ROWS[0])
    return product_ns(tables, columns, units, inner, THIN_ROWS) * columns / rows


def parted_ns(tables: Tables, rows: float, units: float) -> float:
    """As `thin_ns`, of inputs that are taken a few at a time: they stay in a near cache."""
    columns = max(rows, THIN_ROWS[0])
    return columns / rows / rate(tables[0], columns, units, THIN_ROWS)


def whole_ns(tables: Tables, rows: float, units: float, inner: float) -> float:
    """As `product_ns`, of a product as BLAS takes it.

    OpenBLAS packs both matrices first where the product is large, whatever its processor, and that
    costs something for each element of them; on some processors it does so for small ones too.
    """
    if rows * units * inner <= TILE:
        return product_ns(tables, rows, units, inner)
    table = tables[-1]
    best = 1 / max(max(line) for line in table)
    packed = max(1 / rate(table, PACKED_ROWS, PACKED_UNITS) - best, 0.0)
    element = packed / (1 / PACKED_ROWS + 1 / PACKED_UNITS)
    return best + element * (1 / rows + 1 / units)


def fastest(
    kinds: Sequence[Tables],
    rows: float,
    units: float,
    inner: float,
    far: Sequence[float] = (),
    asked: int | None = None,
) -> tuple[int, float]:
    """Return the fastest of some kinds of a product, or the one asked for, and its nanoseconds.

    They are those of a multiply-add. `far`: how many times as long each kind takes where the
    weights lie far away.
    """
    found = [whole_ns(kinds[WHOLE], rows, units, inner)]
    found += [product_ns(tables, rows, units, inner) for tables in kinds[TILED:]]
    if far:
        found = [ns * times for ns, times in zip(found, far, strict=True)]
    if asked is not None:
        return asked, found[asked]
    kind = TILED if found[TILED] <= CLEARLY * min(found) else found.index(min(found))
    return kind, found[kind]


def far_times(table: Table, size: float) -> list[float]:
    """Return the slowdown of each kind of product for weights of so many bytes."""
    return [max(line[0] / interpolated(FAR_BYTES, line, size), 1.0) for line in table]
