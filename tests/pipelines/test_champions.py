from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import UnavailableError
from core.settings import Settings
from ingest.lake import connect
from models import registered
from models.bundles import LoadedModel
from pipelines.champions import Champions, load_champions, too_little
from pipelines.training import train_model
from tests.models.registered import small_model
from tests.pipelines.test_train_propensity import AS_OF, write_shop

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*input example:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*noload.*:sqlalchemy.exc.SADeprecationWarning"),
]


def test_an_empty_workspace_has_no_champion_and_says_what_to_run(tmp_path: Path) -> None:
    champions = load_champions(Settings(home=tmp_path))

    assert champions == Champions()
    assert champions.versions == {}
    assert champions.recommender is None
    assert champions.probabilities == list(registered.PROBABILITIES)
    assert champions.lacks(registered.QUARTER.name) == (
        "no champion yet: run `sendwise train propensity --days 90`"
    )
    assert all("run `sendwise train" in champions.lacks(name) for name in registered.MODELS)


def test_a_model_that_is_there_lacks_nothing() -> None:
    loaded = LoadedModel("clusters", "3", small_model(), {})
    champions = Champions(models={"clusters": loaded})

    assert champions.versions == {"clusters": "3"}
    assert champions.stale == []
    assert champions.lacks("clusters") == ""


def test_a_propensity_of_another_target_is_found_and_a_damaged_one_named(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    shop = write_shop(with_mlflow(tmp_path))
    target = registered.Target(days=14)
    train_model(shop, "propensity", as_of=AS_OF, trials=0, target=target)

    assert list(load_champions(shop).models) == [target.name]
    assert load_champions(shop).probabilities[-1] == target.name

    for name in ("propensity.json", "rule.json"):
        for kept in tmp_path.rglob(name):  # in the registry, too
            kept.write_text("{}")
    damaged = load_champions(shop)

    assert damaged.models == {}
    assert damaged.lacks(target.name).startswith("the champion cannot be used (it is")


def test_a_registry_that_is_down_leaves_the_champions_that_were_kept(
    tmp_path: Path, with_mlflow: Callable[[Path], Path], closed_port: int
) -> None:
    shop = write_shop(with_mlflow(tmp_path))
    target = registered.Target(days=14)
    train_model(shop, "propensity", as_of=AS_OF, trials=0, target=target)
    away = shop.model_copy(update={"tracking_uri": f"http://127.0.0.1:{closed_port}"})

    champions = load_champions(away)

    assert champions.stale == [target.name]
    assert "no registry answers" in champions.lacks(registered.CHURN)


def test_a_registry_that_is_down_and_nothing_kept_is_an_error(
    tmp_path: Path, closed_port: int
) -> None:
    away = Settings(home=tmp_path, tracking_uri=f"http://127.0.0.1:{closed_port}")

    with pytest.raises(UnavailableError, match="does not answer"):
        load_champions(away)


def test_what_the_data_cannot_carry_is_said_instead_of_what_to_run(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    connection = connect(tmp_path)

    lacking = too_little(shop, connection, AS_OF)
    connection.close()

    assert "0 days of opens and clicks, 90 are needed" in lacking[registered.SEND_TIME]
    assert "360 are needed" in lacking[registered.QUARTER.name]
    assert registered.PROPENSITY not in lacking
    champions = load_champions(shop, lacking)
    assert champions.lacks(registered.SEND_TIME) == lacking[registered.SEND_TIME]
