from samplewise.report.published import EXPERIMENTS, published_rows


def test_there_are_fourteen_rows_in_four_tables():
    rows = published_rows()
    assert len(rows) == len({row.id for row in rows}) == 14
    counts = [sum(row.experiment == name for row in rows) for name in EXPERIMENTS]
    assert counts == [4, 4, 3, 3]
    assert [row.experiment for row in rows] == sorted(
        (row.experiment for row in rows), key=EXPERIMENTS.index
    )


def test_the_settings_are_those_of_the_report():
    settings = [(row.hidden, row.learning_rate, row.epochs) for row in published_rows()]
    assert settings == [
        *((1, 0.01, epochs) for epochs in (10, 20, 30, 40)),
        *((neurons, 0.01, 10) for neurons in (5, 10, 20, 60)),
        *((1, rate, 10) for rate in (1, 0.01, 0.1)),
        *[(10, 0.1, 10)] * 3,
    ]


def test_the_figures_are_those_of_the_report():
    figures = {
        row.id: (row.initial_loss, row.final_loss, row.train_ms, row.accuracy)
        for row in published_rows()
    }
    assert figures["epochs-40"] == (0.6932, 0.0356, 3040, 1.0)
    assert figures["neurons-60"] == (0.8614, 0.0682, 2680, 0.975)
    assert figures["rate-1"] == (0.7688, 0.7699, 636, 0.5)
    assert figures["final-2"] == (0.5919, 0.0097, 757, 0.995)
    assert sum(row.train_ms for row in published_rows()) == 16_907
