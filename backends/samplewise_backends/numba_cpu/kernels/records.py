"""The records that describe networks and calls to kernels.

A new architecture is another table of layers, so it costs no new compile. Offsets and lengths count
elements.
"""

from samplewise_backends.numba_cpu.compile.record import (
    INTEGER,
    NUMBER,
    REAL,
    ROUTINE,
    reads,
    record,
    writes,
)

LAYER = record(
    "layer",
    # Codes, and the layer's place in the network.
    kind=INTEGER,
    activation=INTEGER,
    index=INTEGER,
    # Of a row.
    inputs=INTEGER,
    units=INTEGER,
    # Parameters: where they start and how many there are; 1 where penalties shrink the weights.
    weight=INTEGER,
    weights=INTEGER,
    bias=INTEGER,
    biases=INTEGER,
    penalised=INTEGER,
    # Where the outputs start in A, and their gradients in dZ; the distance of two rows there.
    out=INTEGER,
    ld=INTEGER,
    # An activation, a pooling or a dropout saves values for its backward pass here in A, laid out
    # like outputs; a layer on images works at `scratch`.
    saved=INTEGER,
    scratch=INTEGER,
    # Of a norm; of a dropout.
    epsilon=REAL,
    scale=REAL,
    threshold=INTEGER,
    # A layer on images: the input, the windows, how far apart these are, zeros before the first
    # row and column, the input with all zeros, the output.
    channels=INTEGER,
    height=INTEGER,
    width=INTEGER,
    kernel_h=INTEGER,
    kernel_w=INTEGER,
    stride=INTEGER,
    above=INTEGER,
    left=INTEGER,
    padded_h=INTEGER,
    padded_w=INTEGER,
    out_h=INTEGER,
    out_w=INTEGER,
    # A convolution: filters; the products of a filter and the distance of two rows in them; the
    # windows of a fused pooling and their numbers, pool_h = 0 without one.
    filters=INTEGER,
    products=INTEGER,
    pitch=INTEGER,
    pool_h=INTEGER,
    pool_w=INTEGER,
    pool_step=INTEGER,
    pooled_h=INTEGER,
    pooled_w=INTEGER,
)

# `new` and `new_square` are the shares 1 - beta of a new gradient and square in their averages; no
# limit is infinity.
HYPERPARAMETERS = record(
    "hyperparameters",
    optimizer=INTEGER,
    nesterov=INTEGER,
    rate=NUMBER,
    momentum=NUMBER,
    l1=NUMBER,
    l2=NUMBER,
    weight_decay=NUMBER,
    clip_value=NUMBER,
    clip_norm=NUMBER,
    new=NUMBER,
    new_square=NUMBER,
    epsilon=NUMBER,
)

# Some values of one row in A, and their gradients in dZ: what an activation or a loss is called
# for. `row` is that of Y; the loss is an output.
VALUES = record(
    "values",
    code=INTEGER,
    first=INTEGER,
    count=INTEGER,
    saved=INTEGER,
    row=INTEGER,
    loss=NUMBER,
)

# Parameters that an optimizer is called for: where they start, and their gradients.
UPDATED = record(
    "updated",
    first=INTEGER,
    count=INTEGER,
    penalised=INTEGER,
    gradient=INTEGER,
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
    A=writes(NUMBER),
    dZ=writes(NUMBER),
    buffered=INTEGER,
    gradient=writes(NUMBER),
    gradient_size=INTEGER,
    of_all=INTEGER,
    # The loss, and Huber's delta.
    loss=INTEGER,
    delta=NUMBER,
    # All rows: targets (samples, outputs), the order of the epoch, losses in that order, weights
    # (samples,) where `weighted`.
    samples=INTEGER,
    outputs=INTEGER,
    Y=reads(NUMBER),
    order=reads(INTEGER),
    losses=writes(NUMBER),
    weights=reads(NUMBER),
    weighted=INTEGER,
    # The batch: inputs (rows, inputs), where the first layer is not dense or no plan takes its
    # product; position of its first row in the epoch; distance of the first layer's rows from its
    # `out`; the key of dropout; steps made before.
    X=reads(NUMBER),
    inputs=INTEGER,
    rows=INTEGER,
    position=INTEGER,
    shift=INTEGER,
    dropout_key=INTEGER,
    step=INTEGER,
    # Called for.
    layer=INTEGER,
    values=VALUES,
    updated=UPDATED,
    # Routines.
    layer_forward=ROUTINE,
    layer_backward=ROUTINE,
    activate=ROUTINE,
    derivative=ROUTINE,
    row_loss=ROUTINE,
    update=ROUTINE,
    later_layers=ROUTINE,
)

# Rows order[start:stop] of all, a few at a time: gathered (rows at once, inputs), unless they lie
# in order.
ROWS = record(
    "rows",
    X=reads(NUMBER),
    samples=INTEGER,
    inputs=INTEGER,
    order=reads(INTEGER),
    start=INTEGER,
    stop=INTEGER,
    in_order=INTEGER,
    gathered=writes(NUMBER),
    at_once=INTEGER,
)

# Steps of one network; (rates_count,) learning rates, or none where they do not change.
STEPS = record(
    "steps",
    network=NETWORK,
    rows=ROWS,
    rates=reads(REAL),
    rates_count=INTEGER,
)

# One product of the first layer: see `products`.
PRODUCT = record(
    "product",
    product=INTEGER,
    way=INTEGER,
    gemm=INTEGER,
    rows=INTEGER,
    units=INTEGER,
    inner=INTEGER,
    a=reads(NUMBER),
    b=writes(NUMBER),
    z=writes(NUMBER),
    ld=INTEGER,
    tiny=NUMBER,
    times=INTEGER,
    take=ROUTINE,
)

# Units first to last of a block's rows share an activation; derivatives are saved `saved` later.
SEGMENT = record(
    "segment",
    first=INTEGER,
    last=INTEGER,
    activation=INTEGER,
    saved=INTEGER,
)

# Networks whose first layers lie side by side, and the steps of a block: see `block`. The first
# layers' rows lie at the front of the networks' A and dZ, which are the same for all.
BLOCK = record(
    "block",
    networks=writes(NETWORK),
    count=INTEGER,
    segments=reads(SEGMENT),
    runs=INTEGER,
    rows=ROWS,
    batch=INTEGER,
    form=INTEGER,
    # Units of all first layers, and the length of a row of theirs, a multiple of 16.
    units=INTEGER,
    ld=INTEGER,
    tiny=NUMBER,
    # (ld,) biases of all first layers and their velocities, updated.
    bias=writes(NUMBER),
    bias_velocity=writes(NUMBER),
    # (rows.at_once * ld,): products with the weights, the front of A; with the velocities, used
    # WITH_MOMENTUM; of each row its step in the weights: -rate g if PLAIN, else g; anything.
    P=writes(NUMBER),
    Q=writes(NUMBER),
    steps=writes(NUMBER),
    scratch=writes(NUMBER),
    # The Gram matrix of the block, rows `gram_ld` apart; its lower triangle is read.
    gram=writes(NUMBER),
    gram_ld=INTEGER,
    # The terms of the recurrence for every unit, of up to `batches` batches: (4, batches + 1, ld),
    # the entries 00, 01, 10, 11 of M^k; (2, batches, ld), those of M^k b; (4, ld), rate, momentum
    # and the factors of g and v in a step of every bias.
    batches=INTEGER,
    powers=reads(NUMBER),
    lags=reads(NUMBER),
    biases=reads(NUMBER),
    product=PRODUCT,
)

# The blocked plan: weights and velocities of all first layers, (units, inputs), updated; how each
# product is taken; whether `block.gram` holds all rows of the window, or one block.
BLOCKED = record(
    "blocked",
    block=BLOCK,
    W=writes(NUMBER),
    V=writes(NUMBER),
    values_way=INTEGER,
    update_way=INTEGER,
    gram_code=INTEGER,
)

# The Gram matrix of each block of `rows`, (stop - start, block).
GRAM_BLOCKS = record(
    "gram_blocks",
    rows=ROWS,
    gram=writes(NUMBER),
    tiny=NUMBER,
    product=PRODUCT,
)

# The dual plan: first layers as W = o_00 W0 + o_01 V0 + S_0^T X, and V likewise with o_10, o_11 and
# S_1. Here `block.rows` are those of the Gram matrix of all rows.
DUAL_RUN = record(
    "dual",
    block=BLOCK,
    # (2, samples, units) the products X W0^T and X V0^T, and the coefficients, updated; (4, units)
    # the entries o, updated.
    base=reads(NUMBER),
    S=writes(NUMBER),
    origin=writes(NUMBER),
    way=INTEGER,
)
