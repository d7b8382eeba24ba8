# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What would we send to this customer, and why?
# **Questions:** What is in a customer's lists, which model put it there, and for what reason? Where do the models
# disagree? How much of the catalogue is shown, and how much of that is best sellers?
#
# **Reads:** the demo workspace (`make demo`; `SENDWISE_HOME` names another). **Writes:** nothing.
# **Runs in:** a minute on 2 cores.
#
# The data are *The Complete Journey*, published by 84.51 degrees. Whether they are real or simulated is
# disputed by their packager, so nothing here is a claim about real consumers. Product names are made up.

# %% tags=["parameters"]
AS_OF = "2017-12-01"  # lists are made from what was before; what was bought after is only looked at
CUSTOMER = ""  # a customer id of the workspace; empty: somebody with a middling number of orders
SAMPLE = 300  # customers in the pictures
N = 20  # places of a list

# %%
# %matplotlib inline
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image, display

warnings.filterwarnings("ignore", message="IProgress")  # plain progress bars will do

import mlflow.artifacts

from core.clock import DAY, parse_as_of
from core.settings import load_settings
from ingest.lake import connect
from models import registered, registry, tracking
from models.assortment import read_assortment
from models.evaluation import targets_of
from models.exposure import coverage, gini
from models.interactions import History, read_targets
from models.place_plots import exposure_curves, overlap_heat_maps, source_bars
from models.places import overlap, places_of
from models.plots import importance_bars
from models.ranking import lists_of
from models.recommender import HALF_LIFE
from pipelines.learnable import consenting
from pipelines.training import REPORT
from privacy.consent import PERSONALISATION
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU

settings = load_settings(home=Path(os.environ.get("SENDWISE_HOME", "../var/demo")))
as_of = parse_as_of(AS_OF)
lake = connect(settings.home)
assortment = read_assortment(lake, before=as_of)
history = History(lake, assortment, before=as_of, half_life=HALF_LIFE)

# %% [markdown]
# ## The champion, and everybody it listens to
# The champion puts in order what several models propose. As in `sendwise score`, it follows the catalogue and the
# sales of the day, and only customers who consent to personalisation have lists.

# %%
champion = registry.champion(settings, registered.RECOMMENDER)
recommender = champion.model.at(assortment)
hybrid = recommender.hybrid  # None where the gate let the rules through
best = "hybrid" if hybrid else "rules"
models = {best: recommender, **{one.name: one for one in (hybrid.rankers if hybrid else ())}}

buyers = history.customers().tolist()
allowed = np.array(sorted(consenting(settings, buyers, PERSONALISATION, as_of=as_of)))
purchases = history.of(allowed)
after = read_targets(lake, assortment, allowed, start=as_of, end=as_of + 30 * DAY)
print(
    f"Champion v{champion.version}, learnt from what was before {champion.meta['as_of'][:10]}: "
    f"{', '.join(models)}.\n{len(allowed):,} of {len(buyers):,} customers consent; "
    f"{assortment.allowed.sum():,} products may be recommended."
)

# %% [markdown]
# ## One customer
# What they bought last.

# %%
middle = np.argsort(purchases.orders, kind="stable")[len(allowed) // 2]
at = int(np.flatnonzero(allowed == CUSTOMER)[0]) if CUSTOMER else int(middle)
one, then = purchases.rows([at]), set(after[at].indices)
lately = pd.DataFrame(
    {
        "product": assortment.name[one.times.indices],
        "orders": one.times.data.round().astype(int),
        "days since": one.last_days.data.astype(int),
    }
).sort_values(["days since", "orders"], ascending=[True, False])
print(
    f"Customer {allowed[at]}: {one.orders[0]:,.0f} orders of {len(lately):,} different products "
    f"before {AS_OF}, {len(then):,} different ones in the 30 days after."
)
lately.head(12).style.hide(axis="index")

# %% [markdown]
# What would go into an e-mail. `source` is the model that had the product highest, `reason` is what the customer
# reads. A tick says that it was bought in the 30 days after, which nothing here knew.

# %%
picks = next(recommender.picks(one, 8))
rows = [
    {
        "list": slot,
        "place": place,
        "product id": pick.product_id,
        "product": assortment.name[(product := assortment.positions([pick.product_id])[0])],
        "source": pick.source,
        "reason": pick.reason,
        "bought then": "✓" if product in then else "",
    }
    for slot in (BUY_AGAIN, NEW_FOR_YOU)
    for place, pick in enumerate(picks[slot], 1)
]
pd.DataFrame(rows).style.hide(axis="index")

# %% [markdown]
# What each model alone would have proposed: first of what was bought before, then of what is new. Different products
# may have one name here, as the data set tells neither brands nor flavours: *content*, which goes by words, shows it.

# %%
for scope in ("repeat", "new"):
    columns = {name: model.rank(one, 8, scope).ids[0] for name, model in models.items()}
    names = {
        name: [f"{'✓ ' * (i in then)}{assortment.name[i]}" if i >= 0 else "" for i in ids]
        for name, ids in columns.items()
        if (ids >= 0).any()
    }
    display(pd.DataFrame(names, index=pd.RangeIndex(1, 9, name=scope)))

# %% [markdown]
# ## Where do models agree?
# The first 20 products of each model for a few hundred customers. Of what was bought before, the hybrid mostly follows
# the customer's own frequency. Of what is new, no two candidates share much more than half: what one misses another
# may find. *content* stands alone.

# %%
chance = np.random.default_rng(7)
some = np.sort(chance.choice(len(allowed), min(SAMPLE, len(allowed)), replace=False))
sample = purchases.rows(some)
lists = {name: lists_of(model, sample, N, ["repeat", "new"]) for name, model in models.items()}
overlaps = {}
for scope, title in (("repeat", "bought before"), ("new", "new to the customer")):
    having = [name for name, each in lists.items() if (each[scope].ids >= 0).any()]
    overlaps[title] = (having, overlap([lists[name][scope].ids for name in having]))
overlap_heat_maps(overlaps, n=N)

# %% [markdown]
# ## Who filled the places?
# Which model had the product of a place highest (of equals, the first in the legend). Gaps up to 100 % are places that
# the candidates leave empty: there the rules fill in. A habit comes from the customer's own frequency; what is new
# comes from many sides, and the first place is often simply what sells now.

# %%
if hybrid:
    shares = {
        slot: pd.DataFrame(
            {one.name: (chosen.by == k).mean(axis=0) for k, one in enumerate(hybrid.rankers)},
            index=pd.RangeIndex(1, N + 1),
        )
        for slot, chosen in zip(
            (BUY_AGAIN, NEW_FOR_YOU),
            hybrid.chosen(sample, N, ["repeat", "new"]).values(),
            strict=True,
        )
    }
    display(source_bars(shares))

# %% [markdown]
# ## How much of the catalogue is shown, and how much of it are best sellers?
# New products only: what customers bought before is their own choice. Gini says how unevenly places are spread over
# all products that may be recommended (near 1: a few have them all); half of the places belong to products that
# sell at least as well as the one of the rank given. 6,000 places can show 6,000 products at most: compare lines with
# each other. The last one is what the same customers did buy for the first time in the 30 days after.

# %%
ids_of = {name: each["new"].ids for name, each in lists.items() if (each["new"].ids >= 0).any()}
ids_of["bought in the 30 days after"] = targets_of("new", after[some], sample).indices
shown = {name: places_of(ids, assortment) for name, ids in ids_of.items()}
pd.DataFrame(
    {
        name: {
            "places": each.counts.sum(),
            "products": each.shown,
            "coverage": coverage(ids_of[name], assortment.allowed),
            "gini": gini(ids_of[name], assortment.allowed),
            "half of places up to rank": each.median_rank,
            "places of the first 100": each.up_to[:100][-1],
        }
        for name, each in shown.items()
    }
).T.style.format(
    {
        "places": "{:,.0f}",
        "products": "{:,.0f}",
        "coverage": "{:.1%}",
        "gini": "{:.3f}",
        "half of places up to rank": "{:,.0f}",
        "places of the first 100": "{:.0%}",
    }
)

# %%
exposure_curves(shown)

# %% [markdown]
# The step that some curves take far to the right is at the products that sold nothing in the last 30 days, those that
# once sold best first: models that learn from all of history still propose what is out of season. The hybrid does not.

# %% [markdown]
# ## What does the hybrid look at?
# The share of the gain of all splits of its trees. *als place* is the place that ALS gave the product, *als* its score;
# *since own gap* is the time since the customer bought it, in units of the time they usually leave between. The others
# are facts of the product, the customer, or the two of them (`src/models/pairs.py`).

# %%
if hybrid:
    gain = hybrid.booster.feature_importance("gain")
    features = [name.replace("_", " ") for name in hybrid.booster.feature_name()]
    display(importance_bars(dict(zip(features, gain / gain.sum(), strict=True))))

# %% [markdown]
# ## How good is it?
# As measured when it was trained, on the 30 days before the day, which none of them had seen; nothing is computed
# anew here. `repeat` is what was bought again, `new` what was bought for the first time.

# %%
version = next(v for v in registry.versions(settings, champion.name) if "champion" in v.aliases)
report = json.loads(tracking.read_text(settings, version.run_id, REPORT))
measured = pd.DataFrame({each["name"]: each["metrics"] for each in report["contenders"]}).T
print(f"{report['contenders'][0]['name']} {report['verdict']}.")
measured[sorted(measured)].style.format("{:.4f}").highlight_max(color="#cfe3f1")

# %% [markdown]
# The same with intervals, and whether more trees would have made a better hybrid: the pictures that the run kept.
# An older run has no `trees.png`.

# %%
with tracking.server(settings):
    folder = mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path="plots")
for name in ("quality.png", "trees.png"):
    if (picture := Path(folder) / name).is_file():
        display(Image(str(picture), width=800))

# %% [markdown]
# ## So?
# Of the demo's workspace, as of 2017-12-01:
# - The hybrid is best in every column. New products are hard for all: its NDCG there is a tenth of that among habits.
# - Its new products are best sellers: four in five places go to the first hundred products, while of what the same
#   customers then bought for the first time one in twenty was among them. NDCG rewards that: a best seller is the safest
#   guess for anybody. Whoever wants more of the catalogue shown probably pays in hits; `diversity` and `max_per_category` of
#   `/v1/recommend` are the handles.
# - *together* shows eight times as many products for half the NDCG; *content* shows the most, and almost never hits.
# - None of this says what an e-mail causes. That takes an experiment.

# %%
lake.close()
assert 0 < coverage(ids_of[best], assortment.allowed) < 1
