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
# # A first look at the customers
# **Questions:** Who are the customers? What do their features say about the next 30 days? How good is the
# propensity model on days that it has never seen?
#
# **Reads:** the demo workspace (`make demo`; `SENDWISE_HOME` names another). **Writes:** nothing.
# **Runs in:** half a minute on 2 cores.
#
# The data are *The Complete Journey*, published by 84.51 degrees. Whether they are real or simulated is
# disputed by their packager, so nothing here is a claim about real consumers.

# %% tags=["parameters"]
AS_OF = "2017-12-01"  # everything learnt is from before; December is what we then look at

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore", message="IProgress")  # plain progress bars will do

from core.clock import parse_as_of
from core.settings import load_settings
from features.affinity import with_shares
from features.dataset import cutoffs, first_order, training_set
from features.engine import feature_frame
from features.feature import names
from features.labels import did
from features.registry import PROPENSITY
from ingest.lake import connect
from models import registered, registry
from models.cluster_plots import profile_heat_map
from models.plots import calibration_curve, gain_curves
from models.rules import Recency, RfmSum
from models.scoring_metrics import auc, scoring_metrics
from pipelines.learnable import learnable

settings = load_settings(home=Path(os.environ.get("SENDWISE_HOME", "../var/demo")))
as_of = parse_as_of(AS_OF)
horizon = registered.ORDER.horizon
lake = connect(settings.home)
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})
INK, BLUE, GREY = "#1f2a37", "#2f6f9f", "#c9d1d9"

# %% [markdown]
# ## Who are they?
# Everybody who bought at least once before the day we stand on, month by month.

# %%
months = lake.execute(
    """
    SELECT strftime(make_timestamp(ts_us), '%Y-%m') AS month, count(*) AS orders,
        count(DISTINCT customer_id) AS customers, sum(value_minor) / 100 AS revenue
    FROM events WHERE event = 'Order Completed' AND ts_us < epoch_us($1::TIMESTAMPTZ)
    GROUP BY month ORDER BY month
    """,
    [as_of.isoformat()],
).df()
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
left.bar(months["month"].str[5:], months["revenue"] / 1_000, color=BLUE)
left.set_title("Revenue by month, thousands", loc="left", fontweight="bold")
right.bar(months["month"].str[5:], months["customers"], color=BLUE)
right.set_title("Customers who ordered", loc="left", fontweight="bold")
months.style.format({"orders": "{:,}", "customers": "{:,}", "revenue": "{:,.0f}"}).hide(
    axis="index"
)

# %% [markdown]
# ## What do the features say?
# One row per customer, from events strictly before the day. Recency, frequency and money are skewed, as always:
# a few order almost daily, many once a fortnight.

# %%
customers = feature_frame(lake, cutoffs=[as_of])
figure, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
for axis, (column, title, unit) in zip(
    axes,
    [
        ("recency_days", "Recency: days since the last order", 1),
        ("orders_90d", "Frequency: orders in 90 days", 1),
        ("revenue_minor_90d", "Money: spent in 90 days", 100),
    ],
    strict=True,
):
    axis.hist(np.log1p(customers[column] / unit), bins=30, color=BLUE)
    axis.set_xticks(np.log1p(ticks := [0, 1, 3, 10, 30, 100, 300, 1000]), ticks)
    axis.set_xlim(0, np.log1p(customers[column] / unit).max())
    axis.set_title(title, loc="left", fontweight="bold", fontsize=10)
customers[names(PROPENSITY)].describe(percentiles=[0.1, 0.5, 0.9]).T.drop(columns="count").round(2)

# %% [markdown]
# What happened next? Each feature alone, ranked by how well it orders customers by whether they ordered in the
# 30 days after (AUC; 0.5 is a coin). How often and how lately, in one: orders that fade with time lead.

# %%
ordered = did(lake, cutoffs=[as_of], horizon=horizon)["customer_id"]
truth = customers["customer_id"].isin(ordered).to_numpy().astype(int)
alone = pd.Series({name: auc(truth, customers[name]) for name in names(PROPENSITY)})
strength = (alone - 0.5).abs().sort_values().tail(12) + 0.5
figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
colours = [BLUE if alone[name] > 0.5 else "#c8553d" for name in strength.index]
axis.barh(strength.index, strength - 0.5, left=0.5, color=colours)
axis.set_xlim(0.5, 1)
axis.set_title(
    "One feature alone (blue: more is likelier; red: less is likelier)",
    loc="left",
    fontweight="bold",
)
print(
    f"{truth.mean():.1%} of {len(truth):,} customers ordered in the {horizon.days} days from {AS_OF}."
)

# %% [markdown]
# ## Which kinds of customers are there?
# The champion of `clusters`: k-means on ranks, the number of clusters chosen by stability under resampling.

# %%
clusters = registry.champion(settings, "clusters").model
placed = with_shares(lake, customers, as_of=as_of, keys=clusters.departments)
placed["cluster"] = clusters.names(clusters.predict(placed))
profile_heat_map(clusters)

# %%
(
    placed.assign(ordered=truth, revenue=placed["revenue_minor_90d"] / 100)
    .groupby("cluster")
    .agg(
        customers=("ordered", "size"),
        ordered_next=("ordered", "mean"),
        spent_90d=("revenue", "median"),
    )
    .sort_values("spent_90d", ascending=False)
    .style.format({"ordered_next": "{:.1%}", "spent_90d": "{:,.0f}", "customers": "{:,}"})
)

# %% [markdown]
# ## How good is the propensity model?
# The champion was trained on what was known before the day. The 30 days after it are new to it, and to the rules
# it has to beat: recency alone, and the sum of RFM quintiles.

# %%
at = cutoffs(first_order(lake), as_of, horizon)
agreed = set(learnable(settings, lake, as_of=as_of))  # who lets a model learn from them
past = training_set(lake, cutoffs=at, customers=agreed)
champion = registry.champion(settings, registered.PROPENSITY)
models = {
    f"champion v{champion.version}": champion.model,
    "rfm sum": RfmSum.fit(past.test, past.test["label"].to_numpy()),
    "recency": Recency.fit(past.test, past.test["label"].to_numpy()),
}
scores = {name: model.predict(customers) for name, model in models.items()}
pd.DataFrame({name: scoring_metrics(truth, score) for name, score in scores.items()}).T.round(4)

# %%
gain_curves(truth, scores)

# %%
calibration_curve(truth, scores)

# %% [markdown]
# ## So?
# - The shop lives from regulars: most customers order every month, so the interesting few are those who will **not**.
#   The right panel above says how many of them a win-back mailing to the lowest scores would reach.
# - Ranking by the model beats both rules on days it has never seen; the table says by how much.
# - Its probabilities can be taken as they are: points near the diagonal mean that of those given 70 %, about 70 % order.

# %%
lake.close()
best, rule = (auc(truth, scores[name]) for name in list(scores)[:2])
assert best > 0.5, "a model that ranks no better than a coin is no champion"
print(f"AUC on unseen days: champion {best:.3f}, rfm sum {rule:.3f}")
