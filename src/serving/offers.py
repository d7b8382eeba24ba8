"""What a campaign may show: a recipient's lists, those for everybody, and what else sells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from content.campaign import CompiledCampaign, Product
from content.decision import Candidates
from content.terms import ProductFilter
from profiles.profile import POPULAR, Pick, Profile
from profiles.snapshot import Snapshot
from serving.catalogue import Catalogue
from serving.slots import best_sellers, common_list, kin_lists

_FURTHER: Final = 60  # best sellers looked through for a slot with a filter of its own


class Offers:
    """What a campaign may show as of a snapshot; without one, little but its static products.

    Args:
        campaign: Its rules say which lists are read.
        catalogue: As it is now.
        snapshot: What is known of customers.
        popular: With everybody, best first.
        age_days: How old the snapshot is.
    """

    def __init__(
        self,
        campaign: CompiledCampaign,
        catalogue: Catalogue,
        snapshot: Snapshot | None,
        *,
        popular: Sequence[Pick],
        age_days: float,
    ) -> None:
        self._campaign = campaign
        self._catalogue = catalogue
        self._snapshot = snapshot
        self._age_days = age_days
        self._rules = [(slot.name, slot.products) for slot in campaign.spec.slots if slot.products]
        self._lists = dict.fromkeys(rule.list for _, rule in self._rules)
        self._common = {POPULAR: popular}
        if snapshot:
            lists = {name: common_list(catalogue, snapshot, name) for name in self._lists}
            self._common = lists | self._common
        products = snapshot.products if snapshot else None
        # What a slot goes on with whose filter may leave little of what is popular.
        self._rest = {
            name: list(islice(best_sellers(products, rule.filter), _FURTHER))
            for name, rule in self._rules
            if rule.filter != ProductFilter() or rule.max_per_category
        }

    def with_kin(self, profile: Profile) -> Profile:
        """Add the lists that follow from what was bought last, where the campaign names them."""
        if self._snapshot is None:
            return profile
        kin = kin_lists(self._catalogue, self._snapshot.products, profile, self._lists)
        return replace(profile, lists={**profile.lists, **kin}) if kin else profile

    def bought(self, profile: Profile | None) -> dict[str, float]:
        """Return what somebody bought, and how many days ago that is now."""
        bought = profile.bought if profile else {}
        return {product_id: days + self._age_days for product_id, days in bought.items()}

    def candidates(self, profile: Profile | None, products: dict[str, Product]) -> Candidates:
        """Return what else may be shown to somebody, of rows that were looked up."""
        return Candidates(
            products=products,
            popular=self._common[POPULAR],
            segment=self._segment(profile),
            common=self._common,
            rest=self._rest,
        )

    def product_ids(self, profiles: Iterable[Profile]) -> set[str]:
        """Return every product that may be shown to some customers, or to anybody."""
        lists = (*self._common.values(), *self._rest.values())
        ids = {pick.product_id for picks in lists for pick in picks}
        ids.update(each.product_id for _, rule in self._rules for each in rule.promote)
        ids.update(product["product_id"] for product in self._campaign.static_products)
        for profile in profiles:
            ids.update(pick.product_id for picks in profile.lists.values() for pick in picks)
            ids.update(pick.product_id for pick in self._segment(profile))
        return ids

    def _segment(self, profile: Profile | None) -> Sequence[Pick]:
        cluster = profile.outputs.get("cluster") if profile else None
        if cluster is None or self._snapshot is None:
            return ()
        return self._snapshot.popular(str(cluster))
