"""The choice of a plan for a workload."""

from __future__ import annotations

import numpy as np

from samplewise.contract import PENALTIES, RATES, Plan, Workload
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT
from samplewise.errors import ParameterError
from samplewise.network import SGD, Dense, Network, Optimizer
from samplewise_backends.vectorized.arrays import DType

# Measured at 16 to 256 rows: narrow layers do not care, wide ones gain 5 % from 128 at most.
BLOCK_ROWS = 64
# A block of fewer steps saves too little, however large the layer.
FEWEST_STEPS = 4
# Costs of a step by one plan only, each in multiply-adds of a large product.
# Fitted to 364 pairs of timings: 7 shapes (64-4-1 to 784-256-1 and 5000-32-1), batches of 1 to 32,
# with and without momentum and L2, fixed and shuffled, float32 and float64. The plan chosen takes
# 1.015 times as long as the better one on average, and 1.3 times at worst.
PASSES, MOMENTUM_PASSES = 10.0, 17.0  # direct, a weight: it is read, and its update is written
MOMENTUM_PRODUCTS = 2.2  # blocked, a weight and row: products with the velocity
GRAM = 90.0  # blocked, an input and row: inner products that are not kept
CALLS = 40_000.0  # blocked, batches of several rows: a step takes 1 us more of NumPy's calls
# Rows that are gathered at once where steps are made one after the other: they stay in the cache.
DIRECT_BYTES = 2**18
# Between two interrupts: 0.3 s at 3e9 multiply-adds or 60,000 rows a second, as measured.
CHUNK_MULTIPLY_ADDS = 500_000_000
CHUNK_ROWS = 16_384
MIB = 2**20


def rows_of_block(network: Network, dtype: DType, block: int | None, batch_size: int) -> int:
    """Return the rows that are taken at once: whole batches, at least one."""
    if block is None:
        block = min(BLOCK_ROWS, DIRECT_BYTES // (network.inputs * dtype.itemsize))
    return max(block // batch_size, 1) * batch_size


def choose(
    network: Network, optimizer: Optimizer, dtype: DType, workload: Workload | None
) -> tuple[Plan, int]:
    """Return the plan for a workload, and the bytes of inner products that it may keep.

    Raises:
        ParameterError: the workload asks for products, of which there is one kind.
    """
    if workload is None:
        return Plan(reason="nothing is known of the workload"), 0
    if workload.products:
        raise ParameterError(
            f"plan: vectorized takes its products in one way, got '{workload.products}'; use "
            f"{workload.plan}:{workload.block} or auto"
        )
    why = _why_direct(network, optimizer, dtype, workload)
    if why is not None:
        return Plan(reason=why), 0
    assert isinstance(optimizer, SGD)
    block = rows_of_block(network, dtype, workload.block or BLOCK_ROWS, workload.batch_size)
    # No more batches than there are.
    block = min(block, -(-workload.rows // workload.batch_size) * workload.batch_size)
    buffers = _buffer_bytes(network, optimizer, dtype, block, workload.batch_size)
    budget = workload.memory_mb * MIB
    if buffers > budget:
        size = f"{buffers / MIB:.1f} MiB, but memory_mb is {workload.memory_mb}"
        return Plan(reason=f"the buffers for blocks of {block} rows take {size}"), 0
    gram = gram_bytes(workload, block, dtype, budget - buffers)
    saved = multiply_adds_saved(network, optimizer, workload, kept=gram > 0)
    if workload.plan == AUTO_PLAN and saved <= 0:
        return Plan(reason="blocks would save less than they cost at this batch size and width"), 0
    reason = "a block reads and writes the first layer's weights once, not once a step"
    plan = Plan(
        BLOCKED,
        "asked for" if workload.plan == BLOCKED else reason,
        block,
        memory_bytes=buffers + gram,
        chunk=_chunk(network, block),
    )
    return plan, gram


def _why_direct(
    network: Network, optimizer: Optimizer, dtype: DType, workload: Workload
) -> str | None:
    """Return why no step can be part of a block, or None where they can."""
    if workload.plan == DIRECT:
        return "asked for"
    if RATES in workload.step_fields:
        return "a block of steps has one learning rate, but it changes at each step"
    if PENALTIES in workload.step_fields:
        return "the penalty of each step takes the weights before it"
    if not optimizer.is_linear:
        return f"a step of {optimizer.name} with these settings is not linear in W"
    if not isinstance(network.layers[0], Dense):
        return f"the first layer is a {network.layers[0].kind} layer"
    if not network.layers[0].trainable:
        return "the first layer is frozen: a block has no update of it to save"
    return workload.overflow_of_products(network.inputs, dtype)


def multiply_adds_saved(
    network: Network, optimizer: SGD, workload: Workload, *, kept: bool
) -> float:
    """Estimate the saving of a step in a block, in multiply-adds of a large matrix product.

    With momentum a step passes over more arrays, and a block needs two more products. `kept`: inner
    products of the rows are computed only once.
    """
    rows, units = workload.batch_size, int(np.prod(network.shapes[1]))
    if rows * FEWEST_STEPS > BLOCK_ROWS:
        return 0.0
    passes = MOMENTUM_PASSES if optimizer.momentum else PASSES
    products = rows * (MOMENTUM_PRODUCTS * units * bool(optimizer.momentum) + GRAM * (not kept))
    return network.inputs * (passes * units - products) - CALLS * (rows > 1)


def gram_bytes(workload: Workload, block: int, dtype: DType, budget: int) -> int:
    """Return the bytes of the inner products that are kept: all that epochs use again, or none."""
    if workload.shuffle or workload.epochs == 1:
        return 0
    blocks, rest = divmod(workload.rows, block)
    whole, part = (products_of_block(rows, workload.batch_size) for rows in (block, rest))
    size = (blocks * whole + part) * dtype.itemsize
    return size if size <= budget else 0


def products_of_block(rows: int, batch_size: int) -> int:
    """Return the number of inner products in a block: 0 if it is one batch."""
    return rows**2 if rows > batch_size else 0


def _buffer_bytes(
    network: Network, optimizer: SGD, dtype: DType, block: int, batch_size: int
) -> int:
    """Return the bytes that a block takes: rows, passes, inner products, shares of the weights."""
    units = [int(np.prod(shape)) for shape in network.shapes[1:]]
    weights = units[0] * network.inputs
    products = 2 * products_of_block(block, batch_size)
    values = block * (network.inputs + network.outputs + 3 * sum(units) + units[0]) + products
    values += weights * (bool(optimizer.momentum) + bool(optimizer.momentum or optimizer.l2))
    return values * dtype.itemsize + weights * bool(optimizer.momentum or optimizer.l2)


def _chunk(network: Network, block: int) -> int:
    rows = min(CHUNK_ROWS, CHUNK_MULTIPLY_ADDS // network.multiply_adds)
    return max(rows // block * block, min(rows, block), 1)
