"""Names that other libraries use, and ours for the same: for errors, never to choose by."""

from __future__ import annotations

OTHER_NAMES: dict[str, str] = {
    # Parameters of estimators; first, as one that they have is meant before an option of ours
    "learning_rate_init": "lr eta",
    "max_iter": "epochs n_epochs num_epochs",
    "random_state": "seed",
    "solver": "optimizer",
    "hidden_layer_sizes": "hidden units",
    "n_iter_no_change": "patience",
    "alpha": "l2 weight_decay wd",
    "nesterovs_momentum": "nesterov",
    # Options
    "learning_rate": "lr learning_rate_init eta",
    "epochs": "max_iter n_epochs num_epochs",
    "batch_size": "batch",
    "validation_fraction": "val validation_split",
    "seed": "random_state",
    "optimizer": "solver",
    "weight_decay": "wd",
    "hidden": "hidden_layer_sizes units",
    "layers": "dropout",
    "loss": "criterion",
    "split": "test_size",
    "epsilon": "eps",
    "every": "step_size",
    "decay": "gamma factor",
    "final_rate": "eta_min min_lr",
    "warmup_steps": "warmup",
    "init": "kernel_initializer weight_init",
    "patience": "n_iter_no_change early_stopping",
    "min_delta": "tol",
    "beta1": "beta_1 betas",
    "keep_best": "restore_best_weights",
    "nesterov": "nesterovs_momentum",
    "clip_norm": "clipnorm max_norm max_grad_norm",
    "batch_l2": "alpha",
    # Losses
    "binary_cross_entropy": "bce bce_loss bce_with_logits bce_with_logits_loss "
    "binary_crossentropy log_loss sigmoid_cross_entropy",
    "categorical_cross_entropy": "ce cross_entropy cross_entropy_loss crossentropy "
    "categorical_crossentropy nll nll_loss softmax_cross_entropy sparse_categorical_crossentropy",
    "multi_label_cross_entropy": "multi_label_soft_margin_loss",
    "mean_squared_error": "mse mse_loss l2 l2_loss squared_error quadratic",
    "mean_absolute_error": "mae mae_loss l1 l1_loss absolute_error",
    "huber": "smooth_l1 smooth_l1_loss",
    "poisson": "poisson_nll poisson_nll_loss",
    # Activations
    "identity": "linear",
    "sigmoid": "logistic",
    "silu": "swish",
    # Optimizers
    "sgd": "gd gradient_descent",
    "adam": "adamax adamw nadam",
    # Schedules
    "constant": "none fixed",
    "step": "step_lr multi_step_lr",
    "exponential": "exponential_lr exponential_decay",
    "cosine": "cosine_annealing cosine_annealing_lr cosine_decay",
    "one_cycle": "one_cycle_lr",
    "inverse_scaling": "invscaling",
    "plateau": "adaptive reduce_lr_on_plateau",
    # Initial weights
    "glorot_uniform": "glorot xavier xavier_uniform",
    "glorot_normal": "xavier_normal",
    "he_uniform": "he kaiming kaiming_uniform",
    "he_normal": "kaiming_normal",
    # Options of layers
    "units": "out_features num_units",
    "filters": "out_channels",
    "rate": "p",
    # Layers
    "dense": "linear fc fully_connected",
    "conv": "conv2d convolution",
    "pool": "max_pool max_pool2d",
    "avg_pool": "avg_pool2d average_pooling average_pooling2d",
    # Preprocessing
    "standardize": "standard_scaler zscore",
}
"""Our names, and for each those of others, joined by blanks."""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def ours(given: str) -> list[str]:
    """Return our names for another library's name; capitals and hyphens do not matter."""
    plain = _plain(given)
    return [name for name, others in OTHER_NAMES.items() if plain in map(_plain, others.split())]
