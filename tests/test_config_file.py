import tomllib

import pytest

from samplewise import variables
from samplewise.errors import CombinationError, ConfigError, ParameterError, SamplewiseWarning
from samplewise.experiment.config_file import WORDS, effective, read_config, write_config
from samplewise.experiment.experiment import Experiment
from samplewise.network import SGD, Adam
from samplewise.network.losses import Huber
from samplewise.training.schedules import Plateau, Step


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for field in WORDS:
        monkeypatch.delenv(f"SAMPLEWISE_{field.upper()}", raising=False)


@pytest.fixture
def config(tmp_path):
    def write(content):
        path = tmp_path / "config.toml"
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    return write


EVERY_FIELD = Experiment.from_options(
    loss="categorical_cross_entropy",
    learning_rate=0.1 + 0.2,
    epochs=3,
    batch_size=4,
    shuffle=True,
    init="he_normal",
    seed=7,
    backend="reference",
    dtype="float32",
    threads=2,
    data='odd "name"\\ü.npz',
    classes=("9", "4"),
    preprocess="none",
    split=0.25,
    stratify=True,
    hidden=(128, 32),
    activation="relu",
)


CONTROLLED = EVERY_FIELD.with_options(
    schedule="plateau",
    warmup_steps=3,
    decay=0.5,
    final_rate=0.001,
    plateau_epochs=2,
    validation_fraction=0.2,
    monitor="validation_accuracy",
    patience=4,
    min_delta=0.01,
    keep_best=False,
    target_loss=0.1,
    target_accuracy=0.9,
    max_seconds=60.0,
    max_steps=1000,
    class_weight={1: 2, 0: 0.1 + 0.2},
    ema_decay=0.9,
)


@pytest.mark.parametrize(
    "experiment",
    [Experiment(), EVERY_FIELD, CONTROLLED, EVERY_FIELD.with_options(hidden=())],
)
def test_what_is_written_is_read_back(experiment, config):
    path = config(write_config(experiment))
    assert effective({}, path) == experiment
    given = {name for name, value in experiment.to_options().items() if value is not None}
    assert set(read_config(path)) == given


def test_no_source_at_all_gives_the_defaults():
    assert effective({"epochs": None, "shuffle": None}, None) == Experiment()


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("data", "./x y.npz", "./x y.npz"),
        ("classes", "4, 9", ("4", "9")),
        ("classes", '"salt, fine",5" disk, "a ""b"""', ("salt, fine", '5" disk', 'a "b"')),
        ("preprocess", "none", "none"),
        ("split", ".25", 0.25),
        ("stratify", "true", True),
        ("hidden", "128,32", (128, 32)),
        ("hidden", "none", ()),
        ("activation", "relu", "relu"),
        ("loss", "binary_cross_entropy", "binary_cross_entropy"),
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", "1", 1.0),
        ("epochs", "+20", 20),
        ("batch_size", "32", 32),
        ("shuffle", "false", False),
        ("init", "zeros", "zeros"),
        ("seed", "0", 0),
        ("dtype", "float32", "float32"),
        ("threads", "2", 2),
        ("schedule", "cosine", "cosine"),
        ("warmup_steps", "10", 10),
        ("validation_fraction", "0.1", 0.1),
        ("monitor", "loss", "loss"),
        ("patience", "3", 3),
        ("min_delta", "1e-3", 0.001),
        ("keep_best", "false", False),
        ("target_loss", "0.1", 0.1),
        ("target_accuracy", "1", 1.0),
        ("max_seconds", "1.5", 1.5),
        ("max_steps", "100", 100),
        ("class_weight", "balanced", "balanced"),
        ("class_weight", "1:2.5, 0:1", "0:1.0,1:2.5"),
        ("ema_decay", "0.9", 0.9),
    ],
)
def test_a_flag_and_a_variable_mean_the_same(field, text, value, monkeypatch):
    assert effective({field: text}, None).to_options()[field] == value
    monkeypatch.setenv(f"SAMPLEWISE_{field.upper()}", text)
    assert effective({}, None).to_options()[field] == value


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(config, monkeypatch):
    path = config('epochs = 2\nseed = 2\nlearning-rate = 2\ndata = "file"\n')
    monkeypatch.setenv("SAMPLEWISE_EPOCHS", "3")
    monkeypatch.setenv("SAMPLEWISE_SEED", "3")
    monkeypatch.setenv("SAMPLEWISE_DATA", "")
    chosen = effective({"epochs": "4", "shuffle": True}, path)
    training = chosen.training
    assert (training.epochs, training.seed, training.learning_rate) == (4, 3, 2.0)
    assert (chosen.data.source, training.batch_size, training.shuffle) == ("file", 1, True)


def test_the_variable_of_the_backend_is_left_to_the_registry(config, monkeypatch):
    path = config('backend = "reference"')
    assert effective({}, path).training.backend == "reference"
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "vectorized")
    assert effective({}, path).training.backend is None
    assert effective({"backend": "auto"}, path).training.backend == "auto"


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("learning_rate", "0", "finite number above 0"),
        ("learning_rate", "-1", "finite number above 0"),
        ("learning_rate", "nan", "learning_rate: must be .* got nan"),
        ("learning_rate", "inf", "learning_rate: must be .* got inf"),
        ("learning_rate", "1e400", "learning_rate: must be .* got inf"),
        ("learning_rate", "0,1", "a number such as 0.1"),
        ("learning_rate", "", "learning_rate: must be a number such as 0.1, got ''"),
        ("learning_rate", "1_0", "a number such as"),
        ("learning_rate", "٣", "a number such as"),
        ("learning_rate", " 1", "a number such as"),
        ("learning_rate", "infinity", "a number such as"),
        ("batch_size", "0", "at least 1"),
        ("batch_size", "-1", "at least 1"),
        ("batch_size", "2.5", "a whole number"),
        ("epochs", "0", "from 1 to 1,000,000, got 0"),
        ("epochs", "1e3", "a whole number"),
        ("epochs", "1000001", "from 1 to 1,000,000, got 1000001"),
        ("epochs", "9" * 5_000, "a whole number"),
        ("epochs", "true", "a whole number"),
        ("seed", "-1", "at least 0"),
        ("threads", "0", "from 1 to 1,024, got 0"),
        ("hidden", "", "128,32, or none"),
        ("hidden", "0", "at least 1"),
        ("hidden", "-3", "at least 1"),
        ("hidden", "10,,3", "128,32, or none"),
        ("classes", "4", "at least two"),
        ("classes", "4,", "names such as"),
        ("classes", '"4,9', "one with a comma in double quotes"),
        ("classes", '"4"9,8', "names such as"),
        ("classes", "", "names such as"),
        ("data", "", "data: must name a source or a path, got ''"),
        ("split", "0", "split: must be above 0 and below 1"),
        ("split", "1", "split: must be above 0 and below 1"),
        ("activation", "reul", "did you mean 'relu'"),
        ("loss", "mse", "must be one of"),
        ("init", "normall", "did you mean 'normal'"),
        ("dtype", "float16", "float64, float32"),
        ("preprocess", "scal", "did you mean 'scale'"),
        ("activation", "\x1b[31m", r"\\x1b"),
    ],
)
def test_a_text_that_cannot_be_is_refused_with_its_source(field, text, message, monkeypatch):
    option = "--" + field.replace("_", "-")
    with pytest.raises(ParameterError, match=rf"{message}.* \(given by {option}\)$"):
        effective({field: text}, None)
    if text:
        variable = f"SAMPLEWISE_{field.upper()}"
        monkeypatch.setenv(variable, text)
        with pytest.raises(ParameterError, match=rf"{message}.* \(given by {variable}\)$"):
            effective({}, None)


@pytest.mark.parametrize("text", ["True", "1", "yes"])
def test_a_switch_is_true_or_false(text, monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_SHUFFLE", text)
    with pytest.raises(ParameterError, match="must be true or false"):
        effective({}, None)


def test_a_variable_with_nearly_the_name_of_an_option_is_a_warning(monkeypatch):
    monkeypatch.setattr(variables, "_warned", set())
    monkeypatch.setenv("SAMPLEWISE_EPOCH", "3")
    with pytest.warns(SamplewiseWarning, match=r"EPOCH sets nothing; .* SAMPLEWISE_EPOCHS\?$"):
        assert effective({}, None).training.epochs == 10
    effective({}, None)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("epohcs = 3", r"unknown word 'epohcs'; did you mean 'epochs'\?$"),
        ("q = 3", "unknown word 'q'. Known words: .* and [0-9]+ more; `samplewise train --help`"),
        ('"\\u001b" = 1', r"unknown word '\\x1b'"),
        ("[epochs]\nx = 1", "epochs: must be a whole number, got"),
        ("[train]\nx = 1", "unknown word 'train'"),
        ("[train]\nx = 1\nbatch-size = 1", r"options in the table \[train\]; leave out the line"),
        ("epochs = 3\nepochs = 4", "not TOML: .*overwrite"),
        ("learning-rate = 1\nlearning_rate = 2", "learning_rate twice"),
        ("epochs = ", "not TOML: Invalid value .at end of document"),
        ("epochs: 3", "not TOML: .*line 1, column 7"),
        ('{"epochs": 3}', "not TOML"),
        ("epochs = 3.0", "epochs: must be a whole number, got 3.0"),
        ("epochs = true", "epochs: must be .* got True"),
        ('epochs = "3"', "epochs: must be a whole number, got '3'"),
        ("epochs = 0", "epochs: must be .* got 0"),
        ("seed = " + "9" * 5_000, "not TOML: Exceeds the limit"),
        ("seed = 1979-05-27", "seed: must be .* got 1979-05-27"),
        ("learning_rate = nan", "learning_rate: must be .* got nan"),
        ("learning_rate = 1e400", "learning_rate: must be .* got inf"),
        ("learning_rate = " + "9" * 4_000, "learning_rate: must be .* got 999"),
        ("learning_rate = true", "learning_rate: must be .* got True"),
        ("shuffle = 1", "shuffle: must be true or false, got 1"),
        ("data = 3", "data: must be a text in quotes, got 3"),
        ('data = ""', "data: must name a source or a path, got ''"),
        ("classes = [4, 9]", r'texts in a list, such as \["4", "9"\]'),
        ('classes = "4,9"', "texts in a list"),
        ('classes = ["4"]', "at least two"),
        ("hidden = 10", r"a list, such as \[128, 32\]"),
        ("hidden = [10.0]", "a list, such as"),
        ("hidden = [0]", "at least 1"),
        ("hidden = " + "[" * 5_000, "nested too deeply"),
        (b"data = '\xff'", "is not UTF-8 .byte 0xff in line 1"),
        (b"\x00", "not TOML"),
        ("", "is empty"),
        ("#" * (2**20 + 1), "larger than 1,048,576 bytes"),
    ],
)
def test_a_file_that_cannot_be_is_refused_by_name(config, toml, message, tmp_path):
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(config(toml))
    assert "config.toml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 950 + len(str(tmp_path))


def test_a_byte_order_mark_and_comments_are_fine(config):
    assert read_config(config("\ufeff# ours\nepochs = 3 # three\n")) == {"epochs": 3}


def test_an_integer_is_a_rate(config):
    value = read_config(config("learning-rate = 1"))["learning_rate"]
    assert (value, type(value)) == (1.0, float)


@pytest.mark.parametrize(("place", "message"), [("missing", "No such file"), ("", "a folder")])
def test_a_file_that_is_none_is_refused(tmp_path, place, message):
    with pytest.raises(ConfigError, match=message):
        read_config(tmp_path / place)


def test_settings_that_need_one_another_may_come_in_any_order_and_from_anywhere(config):
    flags = effective({"nesterov": True, "momentum": "0.9"}, None)
    assert flags.training.optimizer == SGD(0.9, nesterov=True)
    path = config("nesterov = true\n")
    assert effective({"momentum": "0.5"}, path).training.optimizer == SGD(0.5, nesterov=True)


def test_a_schedule_and_its_options_may_come_from_anywhere(config):
    path = config("every = 3\ndecay = 0.5\n")
    assert effective({"schedule": "step"}, path).training.schedule == Step(every=3, decay=0.5)
    with pytest.raises(CombinationError, match="but schedule cosine has no decay"):
        effective({"schedule": "cosine"}, path)


def test_class_weights_in_a_file_are_a_text(config):
    assert read_config(config('class_weight = "1:2"\n')) == {"class_weight": "1:2"}
    with pytest.raises(ConfigError, match='must be "balanced" or as in "cat:1,dog:2.5"'):
        read_config(config("class_weight = 2\n"))


def test_class_weights_go_by_name(config):
    path = config("class_weight = '\"a, b\":2,cat:1'\n")
    assert effective({}, path).training.class_weight == '"a, b":2.0,cat:1.0'
    assert effective({"class_weight": 'cat:1, "a, b":2'}, None) == effective({}, path)


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(CombinationError, match="nesterov: must have a momentum above 0"):
        effective({"nesterov": True}, None)


OLDER = """
schedule = "plateau"
warmup_steps = 0
decay = 0.3
monitor = "auto"
patience = 3
min_delta = 0.0
class_weight = "4:2.0"
loss = "huber"
delta = 2.0
optimizer = "adam"
beta1 = 0.8
epsilon = 1e-07
l1 = 0.0
l2 = 0.0
weight_decay = 0.0
clip_norm = 1.0
data = "iris"
classes = ["4", "9"]
drop = []
hidden = []
"""


def test_a_file_of_an_older_version_means_the_same_and_is_written_the_same(config):
    read = effective({}, config(OLDER))
    assert read.training.optimizer == Adam(beta1=0.8, epsilon=1e-7, clip_norm=1.0)
    assert read.training.schedule == Plateau(decay=0.3)
    assert (read.training.stopping.patience, read.training.loss) == (3, Huber(2.0))
    assert (read.data.classes, read.data.source, read.network.hidden) == (("4", "9"), "iris", ())
    written, given = tomllib.loads(write_config(read)), tomllib.loads(OLDER)
    assert {word: written[word] for word in given} == given
    assert {"momentum", "beta2", "every", "plateau_epochs"}.isdisjoint(written)


@pytest.mark.parametrize("flag", ["hidden", "activation"])
def test_layers_and_hidden_layers_at_once_are_refused(flag):
    given = {"hidden": "20", "activation": "tanh"}[flag]
    message = rf"--layers: .*so --{flag} cannot be given too, got '{given}'; leave one"
    with pytest.raises(CombinationError, match=message):
        effective({"layers": "dense 10 relu, dense 1", flag: given}, None)
