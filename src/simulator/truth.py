"""What models can be held against: who was mailed or held out, the effects, the seasons."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from simulator import arrivals, choices, mailings, seasons, visits
from simulator.assortment import CATEGORY_NAMES
from simulator.mailings import Assigned, Campaign
from simulator.parameters import CURRENCY, TIMEZONE, Parameters
from simulator.parts import write_table, writer
from simulator.people import People
from simulator.tables import customer_ids
from simulator.texts import text_column

_ASSIGNED: Final = pa.schema(
    [
        ("campaign_id", pa.string()),
        ("customer_id", pa.string()),
        ("treated", pa.bool_()),
        ("effect", pa.float32()),
    ]
)


class Ledger:
    """Who was in the audience of which campaign, written as the campaigns are sent."""

    def __init__(self, folder: Path, campaign_ids: list[str]) -> None:
        """Open `assignments.parquet` in a folder."""
        self._folder = folder
        self._file = writer(folder / "assignments.parquet", _ASSIGNED)
        self._ids = campaign_ids
        self._rows: list[dict[str, object]] = []
        self.audience, self.expected = 0, 0.0

    def assign(self, campaign: Campaign, assigned: Assigned) -> None:
        """Write down the audience of a campaign."""
        size, treated = len(assigned.customer), int(assigned.treated.sum())
        table = pa.table(
            [
                pa.repeat(campaign.campaign_id, size),
                text_column(customer_ids(assigned.customer)),
                assigned.treated,
                assigned.effect,
            ],
            schema=_ASSIGNED,
        )
        self._file.write_table(table)
        total = float(assigned.effect.sum(dtype=np.float64))
        self.audience, self.expected = self.audience + size, self.expected + total
        self._rows.append(
            {
                "campaign_id": campaign.campaign_id,
                "sent_us": campaign.sent_us,
                "has_coupon": campaign.has_coupon,
                "treated": treated,
                "held_out": size - treated,
                "mean_effect": total / size if size else 0.0,
            }
        )

    def close(self) -> None:
        """End the file, and write the campaigns beside it."""
        self._file.close()
        names = ("campaign_id", "sent_us", "has_coupon", "treated", "held_out", "mean_effect")
        types = (pa.string(), pa.int64(), pa.bool_(), pa.int64(), pa.int64(), pa.float64())
        schema = pa.schema(list(zip(names, types, strict=True)))
        write_table(pa.Table.from_pylist(self._rows, schema), self._folder / "campaigns.parquet")


def shop_truth(parameters: Parameters, people: People, ledger: Ledger, folder: Path) -> None:
    """Write `shop.json`, the parameters and what is the same for all, and `seasons.parquet`."""
    first, last = parameters.chunks()[0][0], parameters.chunks()[-1][1]
    table = pa.table(
        {
            "day": pa.array(np.arange(first, last, dtype=np.int32), pa.date32()),
            "factor": seasons.day_factors(first, last),
            "in_sale": seasons.in_sale(first, last),
        }
    )
    write_table(table, folder / "seasons.parquet")
    told = {
        "parameters": {**asdict(parameters), "as_of": parameters.as_of.isoformat()},
        "currency": CURRENCY,
        "timezone": TIMEZONE,
        "categories": CATEGORY_NAMES,
        "campaigns": {
            "audience_share": min(mailings.AUDIENCE * parameters.scale, 1),
            "held_out_share": mailings.HELD_OUT,
            "effect": "orders more per mailing within effect_days, mean over all audiences",
            "mean_effect": ledger.expected / ledger.audience if ledger.audience else 0.0,
            "effect_days": mailings.EFFECT_DAYS,
            "coupon_percent": visits.COUPON_PERCENT,
        },
        "mailboxes": {
            name: float(getattr(people, name).mean())
            for name in ("prefetched", "scanned", "bounces")
        },
        "deliveries": {
            "late_by_hours": arrivals.LATE_HOURS,
            "late_by_days": arrivals.LATE_DAYS,
            "twice": arrivals.TWICE,
        },
        "refunded_share": visits.REFUNDED,
        "promoted_share": choices.PROMOTED,
        "promoted_share_in_sale": choices.PROMOTED_IN_SALE,
        "yearly_wave": seasons.YEARLY_WAVE,
        "weekdays": seasons.WEEKDAYS,
        "sale_factor": seasons.SALE_FACTOR,
    }
    (folder / "shop.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
