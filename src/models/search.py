"""Searching parameters with Optuna, from a first trial that is known to be good."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import optuna


def search(
    objective: Callable[[optuna.Trial], float],
    first: Mapping[str, object],
    *,
    trials: int,
    seed: int,
) -> optuna.Study:
    """Look for the highest value of `objective`; the same seed looks at the same parameters.

    Args:
        objective: Suggests parameters by a trial, and scores them.
        first: The parameters of the first trial: the search is never worse than these.
        trials: How many, the first one included.
        seed: Of what is suggested.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=4)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(first))
    study.optimize(objective, n_trials=trials)
    return study
