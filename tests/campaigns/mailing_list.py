"""Who is mailed in the tests of the send step, and with which campaign."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from content.campaign import CompiledCampaign, campaign_folder, save_compiled
from content.spec import CampaignSpec

NOW = datetime(2024, 5, 1, tzinfo=UTC)
PEOPLE = [f"c{number:03d}" for number in range(60)]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def publish(home: Path, sender: str = "shop@example.test") -> None:
    """Put a campaign where the send step looks it up."""
    spec = CampaignSpec.model_validate(
        {
            "name": "weekly_picks",
            "subject": "Hello",
            "preheader": "Hello",
            "from": {"name": "Shop", "address": sender},
            "shop": {
                "name": "Shop",
                "url": "https://shop.test",
                "product_url": "https://shop.test/{product_id}",
                "postal_address": "1 Street",
            },
            "why": "You agreed.",
            "slots": [{"name": "hero", "blocks": [{"block": "hero"}]}],
        }
    )
    static = {"subject": "s", "preheader": "p", "html": "<p>", "text": "t", "blocks": []}
    campaign = CompiledCampaign(spec, f"by-{sender}", "<p>", "t", (), (), static)  # type: ignore[arg-type]
    save_compiled(campaign, {}, campaign_folder(home, "weekly_picks"))
