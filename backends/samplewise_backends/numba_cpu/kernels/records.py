"""The records that describe networks and calls to kernels.

A new architecture is another table of layers, so it costs no new compile. Offsets and lengths count
elements.
"""

from typing import Any

from samplewise_backends.numba_cpu.compile.record import (
    INTEGER,
    NUMBER,
    REAL,
    ROUTINE,
    reads,
    record,
    writes,
)

LANES = 16
"""Numbers in the longest vector of any processor: rows of buffers are multiples of them."""


def each(kind: Any, *names: str) -> dict[str, Any]:
    """Return several fields of one kind."""
    return dict.fromkeys(names, kind)


LAYER = record(
    "layer",
    # Codes, and the layer's place in the network.
    **each(INTEGER, "kind", "activation", "index"),
    # Of a row.
    **each(INTEGER, "inputs", "units"),
    # Parameters: where they start and how many there are; 1 where penalties shrink the weights, and
    # where training changes them.
    **each(INTEGER, "weight", "weights", "bias", "biases", "penalised", "trained"),
    # Where the outputs start in A, and their gradients in dZ; the distance of two rows there.
    **each(INTEGER, "out", "ld"),
    # Where they start with a column for each row, as `thin` has them.
    across=INTEGER,
    # An activation, a pooling or a dropout saves values for its backward pass here in A, laid out
    # like outputs; a convolution works at `scratch`.
    **each(INTEGER, "saved", "scratch"),
    # Of a norm; of a dropout.
    **each(REAL, "epsilon", "scale"),
    threshold=INTEGER,
    # 1 where the gradients of the inputs are needed.
    wanted=INTEGER,
    # A layer on images, which have their channels last: the input, the windows of a convolution,
    # how far apart these are, zeros before the first row and column, the input with all zeros.
    **each(INTEGER, "channels", "height", "width", "kernel_h", "kernel_w", "stride"),
    **each(INTEGER, "above", "left", "padded_h", "padded_w"),
    # The outputs of the convolution, of `filters` channels; of a pooling, what it reads. The
    # windows of a pooling, or of one behind a convolution, and their numbers; pool_h = 0: none.
    **each(INTEGER, "out_h", "out_w", "filters"),
    **each(INTEGER, "pool_h", "pool_w", "pool_step", "pooled_h", "pooled_w"),
    # A convolution: the distance of two rows of its weights, by filter and by tap; where, in its
    # scratch behind the padded image, its weights lie, their gradient, its taps and all else.
    **each(INTEGER, "filters_ld", "taps_ld", "packed", "summed", "taps", "room"),
)

# `new` and `new_square` are the shares 1 - beta of a new gradient and square in their averages; no
# limit is infinity.
HYPERPARAMETERS = record(
    "hyperparameters",
    **each(INTEGER, "optimizer", "nesterov", "rate_in_velocity", "epsilon_hat"),
    **each(NUMBER, "rate", "momentum", "l1", "l2", "weight_decay"),
    # L2 of the step at work, beside that of all.
    step_l2=NUMBER,
    **each(NUMBER, "clip_value", "clip_norm", "new", "new_square", "epsilon"),
    # Adam's bias corrections of mean and root, and the step that they belong to; 0: none.
    **each(REAL, "mean_correction", "root_correction"),
    corrected=INTEGER,
)

# Some values of one row in A, and their gradients in dZ: what an activation or a loss is called
# for. `row` is that of Y; the loss is an output.
VALUES = record(
    "values",
    **each(INTEGER, "code", "first", "count", "saved", "row"),
    loss=NUMBER,
)

# Parameters that an optimizer is called for: where they start, and their gradients. With `inputs`,
# the gradient is dz x^T, not yet written.
UPDATED = record(
    "updated",
    **each(INTEGER, "first", "count", "penalised", "gradient", "inputs"),
    **each(reads(NUMBER), "dz", "x"),
    # And the inputs of the row after this one, or 0: its products with the new weights, added to
    # the (units,) biases, may be written to z.
    **each(reads(NUMBER), "next_x", "bias"),
    z=writes(NUMBER),
)

# One product with the batch in the lanes, taken `times` times: see `tiles.multiply`. Of (units,
# out_ld) from `out` on, `columns` are written; b is (inner, b_ld).
TILES = record(
    "tiles",
    a=reads(NUMBER),
    **each(INTEGER, "a_unit", "a_inner"),
    b=reads(NUMBER),
    out=writes(NUMBER),
    **each(INTEGER, "units", "inner", "columns", "b_ld", "out_ld", "times"),
    **each(reads(NUMBER), "start", "mask"),
    **each(INTEGER, "start_unit", "resumed", "rectified", "masked"),
    tiny=NUMBER,
)

# The rows `chosen`, (rows,), of a matrix (a_rows, columns) whose rows are `ld` apart, and their
# transpose: see `tiles.transpose`.
TRANSPOSED = record(
    "transposed",
    a=reads(NUMBER),
    chosen=reads(INTEGER),
    **each(writes(NUMBER), "out", "copied"),
    **each(INTEGER, "a_rows", "ld", "out_ld", "rows", "columns", "pitch", "copies"),
    tiny=NUMBER,
)

# One product of the first layer: see `products`. In tiles, rows lie transposed in `room`, and
# `counted` has 0, 1, 2 and so on: see `tiled`.
PRODUCT = record(
    "product",
    **each(INTEGER, "product", "way", "gemm", "rows", "units", "inner"),
    a=reads(NUMBER),
    **each(writes(NUMBER), "b", "z"),
    ld=INTEGER,
    tiny=NUMBER,
    times=INTEGER,
    tiles=TILES,
    transposed=TRANSPOSED,
    zero=reads(NUMBER),
    room=writes(NUMBER),
    counted=reads(INTEGER),
    **each(ROUTINE, "take", "multiply", "transpose"),
)

# A network and a batch of its rows: the argument of every routine of a step. Callers write the
# fields of the batch, and of the layer, the values or the parameters that they call a routine for.
# Addresses of routines are 0 where nothing needs them.
NETWORK = record(
    "network",
    gemm=INTEGER,
    layers=reads(LAYER),
    depth=INTEGER,
    # (size,) parameters; the optimizer's slots one after the other, or none.
    parameters=writes(NUMBER),
    size=INTEGER,
    slots=writes(NUMBER),
    slots_size=INTEGER,
    hyper=HYPERPARAMETERS,
    # A state below it is set to 0.
    tiny=NUMBER,
    # Outputs and their gradients, (buffered,) each, where the layers say. Gradients of the
    # parameters of a layer, or of all, laid out like these.
    **each(writes(NUMBER), "A", "dZ"),
    buffered=INTEGER,
    gradient=writes(NUMBER),
    **each(INTEGER, "gradient_size", "of_all"),
    # |W|^2 of the penalised weights updated so far in a step with an L2 of its own.
    squares=REAL,
    # The loss, and Huber's delta.
    loss=INTEGER,
    delta=NUMBER,
    # All rows: targets (samples, outputs), the order of the epoch, losses in that order and, where
    # it `decides`, decisions; weights (samples,) where `weighted`.
    **each(INTEGER, "samples", "outputs"),
    Y=reads(NUMBER),
    order=reads(INTEGER),
    losses=writes(NUMBER),
    decisions=writes(INTEGER),
    decides=INTEGER,
    weights=reads(NUMBER),
    weighted=INTEGER,
    # The batch: inputs (rows, inputs), where the first layer is not dense or no plan takes its
    # product; position of its first row in the epoch; distance of the first layer's rows from its
    # `out`; the key of dropout; steps made before.
    X=reads(NUMBER),
    **each(INTEGER, "inputs", "rows", "position", "shift", "dropout_key", "step"),
    # For a batch of one row: the inputs of the next one, or 0; 1 where A has the products of the
    # first layer before the forward pass.
    next_x=reads(NUMBER),
    ahead=INTEGER,
    # Called for; `start` is the first layer of a forward pass.
    **each(INTEGER, "start", "layer"),
    values=VALUES,
    updated=UPDATED,
    # Routines.
    **each(ROUTINE, "layer_forward", "layer_backward", "activate", "derivative", "row_loss"),
    **each(ROUTINE, "update", "forward", "batch_loss", "later_layers"),
    # For the products of dense layers, where it is 1 that says that these come in tiles.
    in_tiles=INTEGER,
    product=PRODUCT,
)

# Rows order[start:stop] of all, a few at a time: gathered (rows at once, inputs), unless they lie
# in order.
ROWS = record(
    "rows",
    X=reads(NUMBER),
    **each(INTEGER, "samples", "inputs"),
    order=reads(INTEGER),
    **each(INTEGER, "start", "stop", "in_order"),
    gathered=writes(NUMBER),
    at_once=INTEGER,
)

# Of each step of a window: (rates_count,) learning rates, or none where they do not change;
# (penalties_count,) L2 and the penalties that come of it, or none.
OF_EACH_STEP = {
    "rates": reads(REAL),
    "l2": reads(REAL),
    "penalties": writes(REAL),
    **each(INTEGER, "rates_count", "penalties_count"),
}

# Steps of one network.
STEPS = record(
    "steps",
    network=NETWORK,
    rows=ROWS,
    **OF_EACH_STEP,
)

# Steps of one network by several threads, as one of them takes them: see `shared`. They have
# parameters, rows and rates in common, and each has buffers of its own: `gradients` has the
# addresses of each one's gradient of all parameters. `counter` is where they meet, after `met`
# arrivals in earlier windows.
SHARED = record(
    "shared",
    steps=STEPS,
    **each(INTEGER, "thread", "threads", "giving_way", "met"),
    gradients=reads(INTEGER),
    counter=writes(INTEGER),
)

# Windows of them, one after the other.
SHARED_WINDOWS = record(
    "shared_windows",
    runs=writes(SHARED),
    windows=INTEGER,
    tiny=NUMBER,
)

# Steps of one network of dense layers with the batch in the lanes: see `thin`. Gathered rows are
# `pitch` apart; (inputs_at_once, columns) the rows of the batch with a column for each, so many of
# their inputs at a time, or none where loops take the first layer's values. `chosen` has their
# numbers in the data, `counted` 0, 1, 2 and so on.
THIN = record(
    "thin",
    network=NETWORK,
    rows=ROWS,
    **OF_EACH_STEP,
    **each(INTEGER, "pitch", "inputs_at_once", "by_loops"),
    chosen=writes(INTEGER),
    counted=reads(INTEGER),
    columns=writes(NUMBER),
    tiles=TILES,
    transposed=TRANSPOSED,
    zero=reads(NUMBER),
    **each(ROUTINE, "multiply", "transpose", "step_in_tiles"),
)

# Networks that take each step on the same batch, one after the other: see `thin`. What the first of
# `runs` says of the rows holds for all, and all have the same room for those of a batch.
TOGETHER = record(
    "together",
    runs=writes(THIN),
    members=INTEGER,
    tiny=NUMBER,
)

# Steps of several equal networks, which lie in `columns` columns: see `abreast`. `network` has the
# layers of one, whose numbers have a column for each network: parameters and slots, A and dZ, and
# losses by the step.
ABREAST = record(
    "abreast",
    network=NETWORK,
    rows=ROWS,
    **each(INTEGER, "columns", "steps"),
    # Of each step of the window, (steps, columns): learning rates, L2, zeros, weights of the row;
    # decisions and |W|^2 of the trained layers, written.
    **each(reads(NUMBER), "rates", "l2", "zeros", "shares"),
    decisions=writes(NUMBER),
    squares=writes(REAL),
    # (4, columns) the forms of momentum.
    factors=reads(NUMBER),
    # (2, inputs, columns) a row and the next one; (1, columns) ones; (units, columns) room, of the
    # widest layer.
    x=writes(NUMBER),
    ones=reads(NUMBER),
    room=writes(NUMBER),
)

# Units first to last of a block's rows share an activation; derivatives are saved `saved` later.
SEGMENT = record(
    "segment",
    **each(INTEGER, "first", "last", "activation", "saved"),
)

# Networks whose first layers lie side by side, and the steps of a block: see `block`. The first
# layers' rows lie at the front of the networks' A and dZ, which are the same for all.
BLOCK = record(
    "block",
    networks=writes(NETWORK),
    members=INTEGER,
    segments=reads(SEGMENT),
    runs=INTEGER,
    rows=ROWS,
    **each(INTEGER, "batch", "form"),
    # Units of all first layers, and the length of a row of theirs, a multiple of 16.
    **each(INTEGER, "units", "ld"),
    tiny=NUMBER,
    # (ld,) biases of all first layers and their velocities, updated.
    **each(writes(NUMBER), "bias", "bias_velocity"),
    # (rows.at_once * ld,): products with the weights, the front of A; with the velocities, used
    # WITH_MOMENTUM; of each row its step in the weights: -rate g if PLAIN, else g; anything.
    **each(writes(NUMBER), "P", "Q", "steps", "scratch"),
    # The block at work: position of its first row in the epoch, and its rows; its Gram matrix,
    # rows `gram_ld` apart, of which the lower triangle is read.
    **each(INTEGER, "position", "count"),
    gram=writes(NUMBER),
    gram_ld=INTEGER,
    # The terms of the recurrence for every unit, of up to `batches` batches: (4, batches + 1, ld),
    # the entries 00, 01, 10, 11 of M^k; (2, batches, ld), those of M^k b; (4, ld), rate, momentum
    # and the factors of g and v in a step of every bias.
    batches=INTEGER,
    **each(reads(NUMBER), "powers", "lags", "biases"),
    product=PRODUCT,
    run_block=ROUTINE,
)

# The blocked plan: weights and velocities of all first layers, (units, inputs), updated; how each
# product is taken; Gram matrices of all rows of the window, or room for that of one block.
BLOCKED = record(
    "blocked",
    block=BLOCK,
    **each(writes(NUMBER), "W", "V"),
    **each(INTEGER, "values_way", "update_way", "gram_code"),
    gram=writes(NUMBER),
)

# The Gram matrix of each block of `rows`, (stop - start, block).
GRAM_BLOCKS = record(
    "gram_blocks",
    rows=ROWS,
    gram=writes(NUMBER),
    tiny=NUMBER,
    product=PRODUCT,
)

# The dual plan: first layers as W = o_00 W0 + o_01 V0 + S^T X, and V likewise with o_10, o_11 and
# T. Here `block.rows` are those of the Gram matrix of all rows.
DUAL_RUN = record(
    "dual",
    block=BLOCK,
    # (2, samples, units) the products X W0^T and X V0^T; (samples, units) S and (4, units) the
    # entries o, updated.
    base=reads(NUMBER),
    **each(writes(NUMBER), "S", "origin"),
    # (span, units) T, and the row of each of its coefficients, updated: all rows in their order, or
    # where `span` is less than `samples`, those of the last steps, the newest last.
    T=writes(NUMBER),
    recent=writes(INTEGER),
    span=INTEGER,
    # (rows.at_once, span) room for their columns of the Gram matrix.
    columns=writes(NUMBER),
    way=INTEGER,
)
