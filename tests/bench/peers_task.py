"""Tasks that every peer does in milliseconds."""

from samplewise.network import SGD, multilayer_perceptron
from samplewise_bench.peers.task import Task
from samplewise_bench.problems import drawn_problem

ROWS, INPUTS, EPOCHS = 40, 12, 3


def small_task(
    outputs=1, batch_size=1, optimizer=None, networks=1, calls=0, hidden=(5,), activation="sigmoid"
):
    problem = drawn_problem(
        multilayer_perceptron(INPUTS, hidden, outputs, activation),
        ROWS,
        epochs=EPOCHS,
        batch_size=batch_size,
        optimizer=optimizer or SGD(),
        learning_rate=0.3,
    )
    return Task(problem.seeded(networks), calls=calls)
