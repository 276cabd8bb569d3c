"""The programs of a session: by the plan that the backend chooses, or by a recorded one."""

from dataclasses import replace

import numpy as np
import pytest
from loop_problem import X

from samplewise import registry
from samplewise.contract import PlanSpec, Workload
from samplewise.network import SGD, Adam, multilayer_perceptron
from samplewise.network.losses import BinaryCrossEntropy
from samplewise.training.programs import Programs

NETWORK, FLOAT64 = multilayer_perceptron(4, (3,), 1), np.dtype("float64")
WORK = Workload(len(X), batch_size=1, epochs=2)


def programs_of(backend, count=1, *, predicts=False, optimizer=None):
    networks, optimizers = [NETWORK] * count, [optimizer or SGD()] * count
    parts = registry.load(backend), networks, BinaryCrossEntropy(), optimizers, FLOAT64
    return Programs(*parts, predicts=predicts)


@pytest.mark.parametrize("recorded", [PlanSpec("direct"), PlanSpec("blocked", 2)], ids=str)
def test_a_recorded_plan_is_compiled_whatever_the_backend_would_choose(recorded):
    programs = programs_of("vectorized")
    programs.compile(WORK, None)
    assert programs.plan.spec != recorded
    programs.compile(WORK, recorded)
    assert programs.plan.spec == programs.trainer.plan.spec == recorded


@pytest.mark.parametrize("products", ["", "thin"])
def test_a_recorded_plan_is_compiled_where_the_one_asked_for_does_not_fit(products):
    recorded = PlanSpec("direct", None, products)
    programs = programs_of("numba_cpu", optimizer=Adam())
    programs.compile(replace(WORK, batch_size=4, plan="dual"), recorded)
    assert programs.plan.spec == recorded


@pytest.mark.parametrize("predicts", [False, True])
def test_several_networks_train_by_one_program_and_predict_by_their_own(predicts):
    programs = programs_of("numba_cpu", 3, predicts=predicts)
    programs.compile(WORK, None)
    assert programs.trainer is programs.many
    assert len(programs.predictors) == 3 * predicts


def test_a_lone_network_trains_and_predicts_by_one_program_which_is_given_up():
    programs = programs_of("vectorized")
    programs.compile(WORK, None)
    (predictor,) = programs.predictors
    assert programs.many is None
    assert programs.give_up() is predictor
    assert programs.predictors == []
