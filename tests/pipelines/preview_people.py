"""Three customers of the campaign shop in a snapshot: two kinds of readers, one with no lists."""

from __future__ import annotations

from pathlib import Path

from profiles.profile import Pick, Profile
from profiles.snapshot import Manifest, write_snapshot
from tests.pipelines.campaign_shop import AS_OF


def snapshot(home: Path) -> None:
    bought = [
        Pick(f"p{number}", 1.0, "frequency", "You bought this 3 times") for number in (6, 7, 8, 9)
    ]
    people = [
        Profile("ann", {"cluster_traits": ["frequent"]}, {}, {}, {"buy_again": bought}),
        Profile("bob", {"cluster_traits": ["lapsing"]}, {}, {}, {"buy_again": bought[:1]}),
        Profile("cem", {"cluster_traits": ["frequent"]}, {}, {}, {}),
    ]
    popular = tuple(Pick(f"p{number}", 1.0, "popularity", "Popular") for number in (1, 4, 10, 11))
    manifest = Manifest(
        id="20171201-test",
        as_of=AS_OF,
        model_versions={},
        customers=0,
        outputs=("cluster_traits",),
        popular=popular,
    )
    write_snapshot(home, manifest, people)
