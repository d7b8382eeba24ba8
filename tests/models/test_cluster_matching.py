from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.cluster_matching import matched, overlap, with_gaps
from models.clustering import fit_clusters
from models.clusters import Cluster, Clusters, QuantileScale
from tests.models.tribes import tribes

FRAME = pd.DataFrame({"orders_90d": np.arange(100.0)})
SCALE = QuantileScale.fit(np.arange(100.0)[:, None], np.array([1.0]))


def model(*parts: tuple[float, int, str], traits: tuple[str, ...] | None = None) -> Clusters:
    """Clusters of `FRAME` from (centre, label, name); the traits are the words of the name."""
    return Clusters(
        features=("orders_90d",),
        scale=SCALE,
        centres=np.array([[centre] for centre, _, _ in parts]),
        radii=np.ones(len(parts)),
        clusters=tuple(
            Cluster(
                label=label,
                name=name,
                traits=tuple(name.lower().split(", ")) if traits is None else traits,
                share=1 / len(parts),
            )
            for _, label, name in parts
        ),
    )


OLD = model((0.9, 0, "Frequent"), (0.5, 1, "Regular"), (0.1, 2, "Lapsing"))


def test_a_refit_in_another_order_keeps_labels_and_names() -> None:
    again = model((0.11, 0, "Lapsing"), (0.89, 1, "Frequent"), (0.5, 2, "Regular"))

    same = matched(again, OLD, FRAME)

    assert (again.predict(FRAME) == OLD.predict(FRAME)).mean() < 0.5  # what matching is for
    assert (same.predict(FRAME) == OLD.predict(FRAME)).mean() > 0.98
    assert {cluster.label: cluster.name for cluster in same.clusters} == {
        0: "Frequent",
        1: "Regular",
        2: "Lapsing",
    }


def test_a_real_refit_on_other_customers_renames_nobody() -> None:
    old, new = (
        fit_clusters(tribes(seed=seed), seed=seed, ks=(3,), refits=1).model for seed in (0, 1)
    )
    shuffled = replace(
        new,
        centres=new.centres[::-1],
        radii=new.radii[::-1],
        clusters=tuple(
            replace(cluster, label=label) for label, cluster in enumerate(new.clusters[::-1])
        ),
    )

    same = matched(shuffled, old, tribes(seed=2))

    assert (same.predict(tribes(seed=2)) == old.predict(tribes(seed=2))).mean() > 0.98
    assert set(same.names(same.predict(tribes(seed=2)))) == {each.name for each in old.clusters}


def test_a_cluster_that_continues_none_has_a_label_of_its_own() -> None:
    new = model((0.9, 0, "Frequent"), (0.6, 1, "A"), (0.4, 2, "B"), (0.1, 3, "Lapsing"))

    labels = {each.name: each.label for each in matched(new, OLD, FRAME).clusters}

    assert (labels["Frequent"], labels["Lapsing"]) == (0, 2)
    assert {labels["A"], labels["B"]} == {3, 4}  # `Regular` fell in two, and neither is it


def test_a_cluster_that_is_gone_leaves_its_label_unused() -> None:
    new = model((0.75, 0, "Frequent"), (0.2, 1, "Lapsing"))

    assert {each.name: each.label for each in matched(new, OLD, FRAME).clusters} == {
        "Frequent": 0,
        "Lapsing": 2,
    }


@pytest.mark.parametrize(
    ("fresh", "traits", "expected"),
    [
        pytest.param("Frequent, loves tea", ("frequent", "loves tea"), "Frequent", id="holds"),
        pytest.param("Occasional", ("occasional",), "Occasional", id="is-no-longer-true"),
    ],
)
def test_a_name_is_kept_while_all_it_says_is_true(
    fresh: str, traits: tuple[str, ...], expected: str
) -> None:
    new = model((0.9, 0, fresh), (0.5, 1, "Regular"), (0.1, 2, "Lapsing"))
    first, *others = new.clusters
    new = replace(new, clusters=(replace(first, traits=traits), *others))

    assert matched(new, OLD, FRAME).clusters[0].name == expected


def test_no_two_clusters_have_one_name() -> None:
    new = model((0.9, 0, "Frequent, loves tea"), (0.6, 1, "Frequent"), (0.4, 2, "B"), (0.1, 3, "C"))

    names = [each.name for each in matched(new, OLD, FRAME).clusters]

    assert len(set(names)) == 4
    assert names[0] == "Frequent, loves tea"  # "Frequent" holds, but is another's now


def test_overlap_is_the_jaccard_likeness_of_members() -> None:
    likeness = overlap(model((0.9, 0, "A"), (0.1, 1, "B")), OLD, FRAME)

    # 50 against 30, 40 and 30 of 100 customers, who share 30, 20 and none.
    assert likeness[0] == pytest.approx([30 / 50, 20 / 70, 0], abs=0.03)


def test_a_feature_that_is_no_more_is_a_gap() -> None:
    old = replace(OLD, features=("share_SHOES",))

    got = with_gaps(FRAME, old)

    assert got["share_SHOES"].isna().all()
    assert "share_SHOES" not in FRAME
    assert len(set(old.predict(got))) == 1
