from __future__ import annotations

import optuna

from models.search import search


def tried(seed: int) -> list[float]:
    seen: list[float] = []

    def objective(trial: optuna.Trial) -> float:
        seen.append(trial.suggest_float("x", -1.0, 1.0))
        return -abs(seen[-1])

    study = search(objective, {"x": 0.5}, trials=6, seed=seed)
    assert study.best_params["x"] == min(seen, key=abs)
    return seen


def test_the_first_trial_is_the_given_one_and_the_highest_is_the_best() -> None:
    assert tried(7)[0] == 0.5
    assert len(tried(7)) == 6


def test_the_same_seed_looks_at_the_same_parameters() -> None:
    assert tried(7) == tried(7) != tried(8)
