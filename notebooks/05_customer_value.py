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
# # What is a customer worth, and how far can the figure be trusted?
# **Questions:** Does our fitter find what the literature found? Who is still a customer? Do expected orders and amounts
# come true, and do the bounds hold? Who holds how much of the shop's value, and which of the best are going?
#
# **Reads:** the demo workspace (`make demo`; `SENDWISE_HOME` names another); for the first section the folder of CDNOW
# named by `SENDWISE_CDNOW`, where there is one. **Writes:** nothing. **Runs in:** a minute on 2 cores.
#
# The data are *The Complete Journey*, published by 84.51 degrees. Whether they are real or simulated is
# disputed by their packager, so nothing here is a claim about real consumers.

# %% tags=["parameters"]
AS_OF = "2017-12-01"  # the last 90 days before it judge; what is worth what is told as of it
BEST = 0.2  # the share of customers who count as the best

# %%
# %matplotlib inline
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

warnings.filterwarnings("ignore", message="IProgress")  # plain progress bars will do

from core.clock import parse_as_of
from core.settings import load_settings
from features import ahead
from features.ahead import look_ahead
from features.engine import feature_frame
from features.registry import CHURN, VALUE
from features.shop import Shop
from ingest.lake import connect
from models.bg_nbd import BgNbd, Orders
from models.churn import ChurnModel
from models.churn_outputs import LIKELIER_GONE, P_CHURN, churned
from models.gate import paired_bootstrap
from models.scoring_metrics import auc
from models.value import (
    AVERAGE_DAYS,
    AVERAGE_ORDER_VALUE,
    EXPECTED_ORDERS_90D,
    EXPECTED_SPEND_90D,
    HISTORIC_VALUE,
    PREDICTED_VALUE_365D,
    SPEND_P10,
    SPEND_P90,
    TOTAL_VALUE,
)
from models.value_metrics import gini
from models.value_pictures import (
    alive_map,
    came_by_group,
    lorenz_curves,
    quadrants,
    spend_tenths,
    value_and_risk,
    value_tenths,
)
from models.value_tuning import fit_value
from pipelines.learnable import learnable
from pipelines.train_value import CANDIDATE, metrics_of, models_of
from pipelines.training import SEED

settings = load_settings(home=Path(os.environ.get("SENDWISE_HOME", "../var/demo")))
as_of = parse_as_of(AS_OF)
shop = Shop.of(settings)
unit = 10**shop.digits  # minor units in one of the currency
lake = connect(settings.home)

# %% [markdown]
# ## Does our fitter find what the literature found?
# CDNOW is the data set that models of customer value are tried on: people who first bought in early 1997, and all they
# bought until mid-1998. Fader, Hardie and Lee ("Counting your customers the easy way", 2005) fitted the BG/NBD to the
# first 39 weeks and looked at the 39 after. The same here, with our fitter, on the sample of the paper.

# %%
PUBLISHED = {"r": 0.243, "alpha (weeks)": 4.414, "a": 0.793, "b": 2.426}
CDNOW = Path(os.environ.get("SENDWISE_CDNOW") or "no folder is named") / "CDNOW_sample.txt"
MIDDLE, END, HALF_DAYS = pd.Timestamp("1997-09-30"), pd.Timestamp("1998-06-30"), 273
orders = None
if CDNOW.is_file():
    lines = pd.read_csv(CDNOW, sep=r"\s+", header=None, usecols=[1, 2], names=["who", "day"])
    lines["day"] = pd.to_datetime(lines["day"].astype(str), format="%Y%m%d")
    days = lines.drop_duplicates()  # the paper counts days with an order
    first = days[days["day"] <= MIDDLE].groupby("who")["day"].agg(["min", "max", "size"])
    orders = Orders(
        first["size"].to_numpy(float) - 1,
        (first["max"] - first["min"]).dt.days.to_numpy(float),
        (MIDDLE - first["min"]).dt.days.to_numpy(float),
    )
    after = days[(days["day"] > MIDDLE) & (days["day"] <= END)].groupby("who").size()
    came = after.reindex(first.index, fill_value=0).to_numpy(float)
    paper = BgNbd.fit(orders)
    ours = dict(zip(PUBLISHED, (paper.r, paper.alpha / 7, paper.a, paper.b), strict=True))
    found = pd.DataFrame({"published": PUBLISHED, "ours": ours})
    found["off"] = found["ours"] - found["published"]
    display(found.style.format("{:.3f}").format("{:+.5f}", subset="off"))
else:
    print(
        "CDNOW is not here, so this section is left out. Its file CDNOW_sample.txt is published with the\n"
        "paper (brucehardie.com); name the folder that holds it: SENDWISE_CDNOW=/path/to/cdnow."
    )

# %%
if orders is not None:
    expected = {
        "BG/NBD": paper.expected_orders(orders, HALF_DAYS),
        "as often as so far": orders.repeats / orders.age * HALF_DAYS,
    }
    least = 7  # repeat orders that share the last group
    group = np.minimum(orders.repeats, least).astype(int)
    labels = [*map(str, range(least)), f"{least} or more"]
    display(came_by_group(labels, group, came, expected, by="repeat orders in weeks 1 to 39"))

# %%
if orders is not None:
    right = all(abs(ours[name] - each) < 0.0005 for name, each in PUBLISHED.items())
    corr = {name: np.corrcoef(each, came)[0, 1] for name, each in expected.items()}
    ratio = {name: each.sum() / came.sum() for name, each in expected.items()}
    display(
        Markdown(
            f"All four numbers are {'right to three decimals' if right else '**not** those of the paper'}. Orders of the second "
            f"half correlate with what was expected of each of the {len(came):,} customers at {corr['BG/NBD']:.3f}; told "
            "of in the literature are .626, and .630 for its forerunner, the Pareto/NBD. "
            f"The plain rate of so far reaches {corr['as often as so far']:.3f} and promises "
            f"{ratio['as often as so far']:.1f} times the orders that came (BG/NBD: {ratio['BG/NBD']:.2f}): most customers order "
            "less and less, which a rate cannot know."
        )
    )

# %% [markdown]
# ## The shop: learnt before, judged after
# The recipe of `sendwise train value` and `sendwise train churn`, learnt from labels that were complete when the last
# 90 days began, so that these judge it. Customers who do not let a model learn from them are not in it.

# %%
agreed = set(learnable(settings, lake, as_of=as_of))
features = tuple(dict.fromkeys((*VALUE, *CHURN)))
rows = look_ahead(lake, as_of=as_of, features=features, shop=shop, customers=agreed)
fitted = fit_value(rows.learning, now=rows.test, horizon=rows.horizon, seed=SEED)
value = fitted.model
churn = ChurnModel.fit(rows.learning, now=rows.test, seed=SEED, longest=rows.days)
part = rows.horizon / ahead.HORIZON  # outputs are of 90 days
orders_came = rows.test[ahead.ORDERS].to_numpy(float)
spend_came = rows.test[ahead.REVENUE].to_numpy(float)
print(
    f"Learnt from {len(rows.learnt_at)} days, {rows.learnt_at[0]:%Y-%m-%d} to {rows.learnt_at[-1]:%Y-%m-%d}; judged on the "
    f"{rows.days:.0f} days from {rows.tested_at:%Y-%m-%d}, in which {(orders_came > 0).mean():.0%} of "
    f"{len(rows.test):,} customers ordered.\nThe recipe: {'; '.join([*fitted.notes, *filter(None, [rows.note])])}."
)

# %% [markdown]
# ## Who is still a customer?
# Nobody cancels anything; they just stop. The BG/NBD reads it off the silence: the more often somebody ordered before,
# the sooner silence means that they are gone. Along the orange line it is even odds. Shades are of somebody who has been
# a customer for as long as the one in the middle, dots are real customers.

# %%
known = Orders.of(rows.test)
alive = value.btyd.orders.p_alive(known)
alive_map(value.btyd.orders, known, days=ahead.HORIZON.days)

# %%
likelier_gone = alive < 0.5
says = (
    f"Likelier gone than not: {likelier_gone.sum():,} of {len(alive):,} customers. In the {rows.days:.0f} days after, "
    f"{(orders_came[likelier_gone] > 0).mean():.0%} of these ordered"
    if likelier_gone.any()
    else "Nobody is likelier gone than not; in the days after"
)
display(
    Markdown(
        f"{says}, and {(orders_came[~likelier_gone] > 0).mean():.0%} of the others. The model is a strict one: who is gone "
        "does not come back, and who ordered once counts as there. So it is one of two voices in churn and value, not the judge."
    )
)

# %% [markdown]
# ## Do expected orders come?
# Customers in groups by their orders so far. *value* is the mean of trees and *btyd*, which is the BG/NBD with
# gamma-gamma for the amounts; *past-spend* says that things go on as they went, brought to the level of the shop.

# %%
models = models_of(rows, value)
answers = {name: model.predict(rows.test) for name, model in models.items()}
total = rows.test["orders_total"].to_numpy(int)
edges = np.unique(np.quantile(total, np.arange(1, 8) / 8))
_, group = np.unique(np.searchsorted(edges, total, side="right"), return_inverse=True)
spans = pd.Series(total).groupby(group).agg(["min", "max"]).itertuples(index=False)
labels = [f"{low:,}" if low == high else f"{low:,}-{high:,}" for low, high in spans]
expected = {name: answers[name][EXPECTED_ORDERS_90D].to_numpy() * part for name in list(models)[:3]}
came_by_group(labels, group, orders_came, expected, by="orders so far")

# %% [markdown]
# The value, and the rules that it has to beat. `gini` says how well customers are ranked by what they then spent (1: as
# well as can be, 0: by chance), `total_ratio` is expected over real spend of all, `coverage` the share within the bounds
# (meant: 80 %), `above` the share above them (meant: 10 %).

# %%
figures = pd.DataFrame({name: metrics_of(rows, each) for name, each in answers.items()}).T
figures.style.format("{:.3f}", na_rep="")

# %%
pairs = {
    name: np.column_stack([spend_came, each[EXPECTED_SPEND_90D]]) for name, each in answers.items()
}
best_rule = figures["gini"].drop(CANDIDATE).idxmax()
gain = paired_bootstrap(pairs[CANDIDATE], pairs[best_rule], metric=gini, seed=SEED)
verdict = "ranks better beyond chance" if gain.low > 0 else "is not better for sure"
ratio = figures.loc[CANDIDATE, "total_ratio"]
display(
    Markdown(
        f"Beside the best rule, {best_rule}, the value {verdict}: {gain.gain:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] in gini. "
        f"In total it expected {abs(ratio - 1):.0%} {'more' if ratio > 1 else 'less'} than was spent."
    )
)

# %% [markdown]
# ## Are the amounts right, and do the bounds hold?

# %%
answer = answers[CANDIDATE]
spend, low, high = (
    answer[name].to_numpy() * part / unit for name in (EXPECTED_SPEND_90D, SPEND_P10, SPEND_P90)
)
spend_tenths(spend_came / unit, spend, low, high)

# %%
real = spend_came / unit
tenths = pd.qcut(pd.Series(spend).rank(method="first"), 10, labels=range(1, 11))
by_tenth = pd.DataFrame(
    {"expected": spend, "spent": real, "within": (real >= low) & (real <= high)}
).groupby(tenths, observed=True)
table = by_tenth.mean().assign(customers=by_tenth.size())
table.index.name = "tenth"
table[["customers", "expected", "spent", "within"]].style.format(
    {"customers": "{:,}", "expected": "{:,.0f}", "spent": "{:,.0f}", "within": "{:.0%}"}
)

# %%
worst = int(table["within"].sub(0.8).abs().idxmax())
display(
    Markdown(
        f"{figures.loc[CANDIDATE, 'coverage']:.0%} of the customers stayed within their bounds (meant: 80 %), and "
        f"{figures.loc[CANDIDATE, 'above']:.0%} spent more (meant: 10 %). Bounds hold for customers on average, not for each "
        f"kind: furthest off is tenth {worst}, of whom {table.loc[worst, 'within']:.0%} are within."
        + (
            f" {(low <= 0).mean():.0%} have a p10 of 0, which nobody can fall short of."
            if (low <= 0).any()
            else ""
        )
    )
)

# %% [markdown]
# ## What is everybody worth?
# As of the day, by the names that Klaviyo uses: *historic* value is what was spent so far, refunds deducted; *predicted*
# value is what to expect within a year; *total* value is both. The year is 90 days stretched as orders thin out, not
# learnt from whole years. Five customers, without a name, from the best to the least:

# %%
now = feature_frame(lake, cutoffs=[as_of], features=features, shop=shop)
worth, risk = value.predict(now), churn.predict(now)[P_CHURN]
money = {
    HISTORIC_VALUE: "historic",
    PREDICTED_VALUE_365D: "predicted, 365 days",
    TOTAL_VALUE: "total",
    EXPECTED_SPEND_90D: "expected, 90 days",
    SPEND_P10: "p10",
    SPEND_P90: "p90",
    AVERAGE_ORDER_VALUE: "mean order",
}
in_units = worth[list(money)].rename(columns=money) / unit
ranked = np.argsort(-worth[TOTAL_VALUE].to_numpy(), kind="stable")
five = [ranked[round(place * (len(ranked) - 1))] for place in (0.01, 0.25, 0.5, 0.75, 0.99)]
sample = in_units.iloc[five].assign(
    **{"days between orders": worth[AVERAGE_DAYS].iloc[five], "risk of being gone": risk.iloc[five]}
)
sample.index = pd.Index(["best 1 %", "best quarter", "middle", "last quarter", "last 1 %"])
sample.style.format(
    {
        **dict.fromkeys(money.values(), "{:,.0f}"),
        "days between orders": "{:.1f}",
        "risk of being gone": "{:.0%}",
    },
    na_rep="",
)

# %%
historic, predicted = (
    in_units[name].to_numpy() for name in (money[HISTORIC_VALUE], money[PREDICTED_VALUE_365D])
)
value_tenths(historic, predicted)

# %%
lorenz_curves({"predicted, 365 days": predicted, "historic": historic})

# %%
total_value = historic + predicted
top = np.sort(total_value)[::-1][: max(round(BEST * len(total_value)), 1)]
display(
    Markdown(
        f"The best {BEST:.0%} of the customers hold {top.sum() / total_value.sum():.0%} of all total value, which is "
        f"{total_value.sum():,.0f} {shop.currency}: {historic.sum():,.0f} that was spent and {predicted.sum():,.0f} to come."
    )
)

# %% [markdown]
# ## Which of the best are going?
# Churn has a definition here, as nobody ever says goodbye:

# %%
gone = churned(rows.test, churn.rule.rhythm)
p_gone = churn.predict(rows.test)[P_CHURN].to_numpy()
print(
    f"Gone is: {churn.rule.rhythm.definition}.\nOf {len(gone):,} customers {gone.mean():.1%} were, in the days that judge; "
    f"{p_gone.mean():.1%} were expected, and the AUC of who was it is {auc(gone, p_gone):.3f}."
)
rich = float(np.quantile(historic, 1 - BEST))
value_and_risk(historic, risk.to_numpy(), rich=rich, gone=LIKELIER_GONE)

# %%
parts = quadrants(historic, risk.to_numpy(), rich=rich, gone=LIKELIER_GONE)
parts.assign(share=parts["value"] / parts["value"].sum()).style.format(
    {"customers": "{:,.0f}", "value": "{:,.0f}", "share": "{:.1%}"}
)

# %%
save, others = parts.loc["the best, at risk"], parts.loc["the others, at risk"]
display(
    Markdown(
        f"{save['customers']:,.0f} of the best {BEST:.0%} are likelier gone than not: {save['value']:,.0f} {shop.currency} "
        f"were spent by them so far, by the {others['customers']:,.0f} others at risk {others['value']:,.0f}. "
        + (
            "The first are few enough to be written to one by one."
            if 0 < save["customers"] <= 100
            else ""
        )
    )
)

# %% [markdown]
# ## So?

# %%
display(
    Markdown(
        f"- The value ranks customers at a gini of {figures.loc[CANDIDATE, 'gini']:.3f} on days that it had not seen, the best "
        f"rule ({best_rule}) at {figures.loc[best_rule, 'gini']:.3f}: it {verdict}.\n"
        f"- Its total was {abs(ratio - 1):.0%} off. Of the season it knows only what the one before said: read the ranking "
        "before the sum.\n"
        f"- The bounds held for {figures.loc[CANDIDATE, 'coverage']:.0%}. For one customer the spend is a wide guess, and p10 and p90 "
        "say how wide.\n"
        f"- {save['customers']:,.0f} of the best are likelier gone than not. Whether an e-mail brings them back takes an experiment."
    )
)

# %%
lake.close()
assert np.allclose(worth[TOTAL_VALUE], worth[HISTORIC_VALUE] + worth[PREDICTED_VALUE_365D])
