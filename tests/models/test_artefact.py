from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, NotReadyError
from models.artefact import KINDS, load_model, read_meta, save_model
from models.clusters import Cluster, Clusters, QuantileScale


def model() -> Clusters:
    return Clusters(
        features=("orders_90d",),
        scale=QuantileScale.fit(np.arange(100.0)[:, None], np.array([1.0])),
        centres=np.array([[0.8], [0.2]]),
        radii=np.array([0.2, 0.2]),
        clusters=(
            Cluster(label=0, name="Frequent", traits=("frequent",), share=0.5),
            Cluster(label=1, name="Occasional", traits=("occasional",), share=0.5),
        ),
    )


def test_a_model_comes_back_with_what_it_says_about_itself(tmp_path: Path) -> None:
    folder = tmp_path / "model"

    save_model(model(), folder, meta={"name": "clusters", "features": ["orders_90d"]})

    assert read_meta(folder) == {
        "kind": "clusters",
        "name": "clusters",
        "features": ["orders_90d"],
    }
    frame = pd.DataFrame({"orders_90d": [90.0, 5.0]})
    assert load_model(folder).predict(frame).tolist() == [0, 1]


def test_a_folder_holds_open_formats_only(tmp_path: Path) -> None:
    save_model(model(), tmp_path / "model", meta={})

    files = list((tmp_path / "model").iterdir())
    assert {path.suffix for path in files} == {".json", ".npz"}
    with np.load(tmp_path / "model" / "clusters.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["centres", "knots", "radii", "weights"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_names_a_class_that_knows_its_kind(kind: str) -> None:
    from importlib import import_module

    module, _, name = KINDS[kind].partition(":")
    model_class = getattr(import_module(module), name)

    assert model_class.kind == kind
    assert {"save", "load", "predict"} <= set(dir(model_class))


def test_an_unknown_kind_is_neither_saved_nor_loaded(tmp_path: Path) -> None:
    class Stranger:
        kind: ClassVar[str] = "stranger"

        def save(self, folder: Path) -> None: ...

        @classmethod
        def load(cls, folder: Path) -> Self:
            return cls()

        def predict(self, frame: pd.DataFrame) -> list[int]:
            return []

    with pytest.raises(DataError, match="no model of kind 'stranger'"):
        save_model(Stranger(), tmp_path / "model", meta={})

    (tmp_path / "meta.json").write_text(json.dumps({"kind": "os:system"}))
    with pytest.raises(DataError, match="'os:system'"):
        load_model(tmp_path)


def test_a_model_does_not_mix_with_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("mine")

    with pytest.raises(DataError, match="not empty"):
        save_model(model(), tmp_path, meta={})


def test_an_empty_or_damaged_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise train"):
        load_model(tmp_path)

    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        load_model(tmp_path)
