"""Scores on the spot, when the champion is another version than the one behind the snapshot."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.errors import SendwiseError
from models import bundles
from models.bundles import LoadedModel
from models.contributions import reasons_of
from profiles.snapshot import Profile

log = logging.getLogger("bentoml.sendwise")


@dataclass(frozen=True, slots=True)
class Rescorer:
    """A champion and the output it gives. Never the pyfunc: that is 20 times slower for a row."""

    champion: LoadedModel
    output: str

    @property
    def version(self) -> str:
        """The champion's registered version."""
        return self.champion.version

    def rescore(self, profiles: Collection[Profile]) -> bool:
        """Replace the output in `profiles`, from the features they were stored with.

        Returns:
            False if the champion cannot use these features; then nothing is replaced.
        """
        # Without consent when the snapshot was made, no features were kept: no score is made up.
        profiles = [each for each in profiles if each.features]
        if not profiles:
            return True
        frame = pd.DataFrame([each.features for each in profiles])
        try:
            scores = self.champion.model.predict(frame)
        except (SendwiseError, ValueError) as error:  # features of another definition
            log.warning("%s.not_used version=%s error=%s", self.output, self.version, error)
            return False
        said = reasons_of(self.champion.model, frame)
        for profile, score, reasons in zip(profiles, scores, said, strict=True):
            profile.outputs[self.output] = float(score)
            profile.reasons[self.output] = "; ".join(reasons)
            profile.why_null.pop(self.output, None)
        return True


def load_rescorer(root: Path, name: str, *, output: str) -> Rescorer:
    """Load the champion of `name` that is kept under `root`.

    Raises:
        NotReadyError: There is none.
    """
    return Rescorer(bundles.last_good(root, name), output)
