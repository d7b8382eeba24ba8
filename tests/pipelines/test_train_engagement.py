from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError, NotEnoughDataError
from core.settings import Settings
from models import registry
from models.propensity import PropensityModel
from pipelines.simulate_shop import simulate_shop
from pipelines.training import chosen_of, train_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*input example:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*noload.*:sqlalchemy.exc.SADeprecationWarning"),
]
AS_OF = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    settings = Settings(home=with_mlflow(tmp_path_factory.mktemp("mailed")))
    simulate_shop(settings, customers=1_000, days=200, seed=7, as_of=AS_OF)
    return settings


def test_who_opens_is_foretold_better_than_by_past_rates(shop: Settings) -> None:
    outcome = train_model(shop, "engagement", as_of=AS_OF, trials=0, answer="opened")

    contenders = {one["name"]: one["metrics"] for one in outcome.data["contenders"]}
    assert set(contenders) == {"lightgbm+logistic", "past-answers", "logistic"}
    assert contenders["lightgbm+logistic"]["auc"] > 0.55
    champion = registry.champion(shop, "engagement-opened-7d")
    assert champion.meta["contender"] in contenders
    assert np.isfinite(contenders["lightgbm+logistic"]["log_loss"])
    if champion.meta["contender"] == "lightgbm+logistic":
        assert isinstance(champion.model, PropensityModel)


def test_an_answer_that_the_shop_does_not_collect_is_one_line(shop: Settings) -> None:
    with pytest.raises(NotEnoughDataError, match=r"mails redeemed, \d+ are needed") as caught:
        train_model(shop, "engagement", as_of=AS_OF, trials=0, answer="redeemed")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("what", "options", "says"),
    [
        pytest.param("clusters", {"days": 3}, "--days is not for clusters", id="not-for-it"),
        pytest.param("engagement", {"answer": "liked"}, "opened, clicked, redeemed", id="unknown"),
        pytest.param("propensity", {"days": 400}, "from 1 to 365", id="too-far"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    what: str, options: dict[str, str | int], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        chosen_of(what, **options)
