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
# # Who will buy, and how do we know that the answer is honest?
# **Questions:** What may a model know, and when? What does it look like when it knows too much? How good is the champion
# on days that it has never seen, beside rules that cost nothing? Whom would we mail, and what would that miss?
#
# **Reads:** the demo workspace (`make demo`; `SENDWISE_HOME` names another). **Writes:** nothing.
# **Runs in:** half a minute on 2 cores.
#
# The data are *The Complete Journey*, published by 84.51 degrees. Whether they are real or simulated is
# disputed by their packager, so nothing here is a claim about real consumers.

# %% tags=["parameters"]
AS_OF = "2017-12-01"  # everything learnt is from before; the 30 days after only judge
SHARE = 0.5  # of the customers whom we would mail

# %%
# %matplotlib inline
import os
import warnings
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.dates import DateFormatter, MonthLocator
from matplotlib.ticker import MultipleLocator, PercentFormatter

warnings.filterwarnings("ignore", message="IProgress")  # plain progress bars will do

from core.clock import from_us, parse_as_of
from core.errors import DataError
from core.settings import load_settings
from features.dataset import cutoffs, first_order, training_set
from features.engine import feature_frame
from features.feature import names
from features.labels import did
from features.registry import PROPENSITY, RFM
from features.shop import Shop
from ingest.lake import connect
from models import registered, registry
from models.bg_nbd import BgNbdRule
from models.contribution_plots import contribution_swarm
from models.contributions import Explains, reasons_of
from models.gate import auc as auc_of_draws
from models.gate import bootstrap, paired_bootstrap
from models.plots import calibration_curve, gain_curves
from models.propensity import Params, PropensityModel
from models.rules import Logistic, Recency, RfmSum
from models.scoring_metrics import auc, calibration_bins, scoring_metrics
from models.top_share import top_share, top_share_curves
from pipelines.learnable import consenting, learnable
from pipelines.probability_contest import refuse_leak
from pipelines.training import SEED
from privacy.consent import EMAIL_MARKETING

settings = load_settings(home=Path(os.environ.get("SENDWISE_HOME", "../var/demo")))
as_of = parse_as_of(AS_OF)
shop = Shop.of(settings)
horizon = registered.ORDER.horizon
lake = connect(settings.home)
champion = registry.champion(settings, registered.PROPENSITY)

((last_us,),) = lake.execute("SELECT max(ts_us) FROM events").fetchall()
learnt = datetime.fromisoformat(champion.meta.get("labels_end") or champion.meta["as_of"])
assert from_us(last_us) >= as_of + 0.9 * horizon, "the days after AS_OF are not in the data yet"
assert learnt <= as_of, "the champion has learnt from the days after AS_OF: give a later one"

plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})
INK, BLUE, RED, GREY = "#1f2a37", "#2f6f9f", "#c8553d", "#c9d1d9"

# %% [markdown]
# ## What is known, and when?
# We stand on several past days, one after another. Of each, features look back and the label looks ahead: who ordered in
# the 30 days from then. A model learns from the earlier days only; the last slice before the day judges it when it is
# trained, and the 30 days after the day judge it here. No label that it learns from reaches into the days that judge it.

# %%
agreed = set(learnable(settings, lake, as_of=as_of))  # who lets a model learn from them
begins = first_order(lake)
past = training_set(lake, cutoffs=cutoffs(begins, as_of, horizon), shop=shop, customers=agreed)
at = [*past.cutoffs.all, as_of]
figure, axis = plt.subplots(figsize=(9, 0.9 + 0.27 * len(at)), layout="constrained")
for row, cutoff in enumerate(at):
    judges = cutoff >= past.cutoffs.test
    axis.barh(row, cutoff - begins, left=begins, color=GREY, height=0.6)
    axis.barh(row, horizon, left=cutoff, color=RED if judges else BLUE, height=0.6)
axis.set_yticks(range(len(at)), [f"{cutoff:%d %b}" for cutoff in at])
axis.invert_yaxis()
axis.xaxis.set_major_locator(MonthLocator(interval=max(1, (as_of - begins).days // 300)))
axis.xaxis.set_major_formatter(DateFormatter("%b"))
axis.set_ylabel("we stand on")
axis.set_title("What each day knows, and what it is asked", loc="left", fontweight="bold")
for colour, what in ((GREY, "features"), (BLUE, "label: learnt"), (RED, "label: only judges")):
    axis.barh(0, 0, left=begins, color=colour, label=what)
axis.legend(frameon=False, loc="upper right", fontsize=9)
plt.show()

# %%
slices = {"learnt from": past.seen, "judges the training": past.test}
pd.DataFrame(
    {
        name: {
            "days we stand on": rows["cutoff_us"].nunique(),
            "rows": len(rows),
            "customers": rows["customer_id"].nunique(),
            "ordered": rows["label"].mean(),
        }
        for name, rows in slices.items()
    }
).T.style.format("{:,.0f}").format("{:.1%}", subset="ordered")

# %% [markdown]
# ## A leak, on purpose
# The commonest way to fool oneself: take recency, frequency and money from today's export, join them to who ordered
# *last month*, split the customers at random, and be proud. The export already holds the orders that it is asked about:
# whoever ordered last month has, of course, ordered lately.

# %%
now = feature_frame(lake, cutoffs=[as_of], features=PROPENSITY, shop=shop)
export = now.set_index("customer_id")[names(RFM)]


def leaked(rows: pd.DataFrame) -> pd.DataFrame:
    """Overwrite recency, frequency and money by what today's export says."""
    late = export.loc[rows["customer_id"]]
    return rows.assign(**{name: late[name].to_numpy() for name in export})


figure, panels = plt.subplots(1, 2, figsize=(10, 3), sharey=True, layout="constrained")
step = np.log1p(horizon.days) / 14  # one edge is the horizon
bins = np.arange(0, np.log1p(past.test["recency_days"].max() + horizon.days) + step, step)
for axis, rows, title in zip(
    panels,
    (past.test, leaked(past.test)),
    (f"As of {past.cutoffs.test:%d %B}: known then", f"From the export of {as_of:%d %B}: leaked"),
    strict=True,
):
    for label, colour, who in ((1, BLUE, "ordered"), (0, RED, "did not")):
        days = np.log1p(rows.loc[rows["label"] == label, "recency_days"])
        axis.hist(
            days,
            bins=bins,
            weights=np.full(len(days), 1 / len(days)),
            color=colour,
            alpha=0.65,
            label=who,
        )
    axis.set_xticks(np.log1p(ticks := [0, 1, 3, 10, 30, 100, 300]), ticks)
    axis.set_xlabel("days since the last order")
    axis.set_title(title, loc="left", fontweight="bold", fontsize=10)
    axis.yaxis.set_major_locator(MultipleLocator(0.05))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
panels[0].set_ylabel("share of each group")
panels[1].legend(frameon=False, fontsize=9, loc="upper right")
plt.show()

# %% [markdown]
# On the right the two groups do not even touch. The same trees on the same customers, told honestly and told too much:


# %%
def fit(rows: pd.DataFrame) -> PropensityModel:
    """Learn by the recipe of the champion, untuned."""
    return PropensityModel.fit(rows, features=past.features, params=Params(), seed=SEED)


half = np.random.default_rng(SEED).permutation(len(past.test)) < len(past.test) / 2
proud = leaked(past.test)
models = {
    "honest: learnt from earlier days": (honest := fit(past.seen), past.test),
    "leak: export, customers split at random": (leaky := fit(proud[half]), proud[~half]),
    "leak: export joined to every day": (fit(leaked(past.seen)), proud),
}
ordered = did(lake, cutoffs=[as_of], horizon=horizon)["customer_id"]
truth = now["customer_id"].isin(ordered).to_numpy().astype(int)
shown = {
    name: {
        "AUC it shows": auc(rows["label"], model.predict(rows)),
        "AUC in use": auc(truth, model.predict(now)),
    }
    for name, (model, rows) in models.items()
}
told = pd.DataFrame(shown).T
told.style.format("{:.3f}")

# %% [markdown]
# *In use* is the day itself: features as of then, judged by the 30 days after. The leak is not there, and neither is
# what the model promised. Training refuses what is too good to be true:

# %%
fooled = told.loc["leak: export, customers split at random", "AUC it shows"]
try:
    refuse_leak(settings, fooled, leaky)
    print(f"Not refused: AUC {fooled:.3f} is not above {settings.leak_auc:g}.")
except DataError as error:
    print(f"Refused: {error}")

# %%
spread = told.loc["leak: export joined to every day", "AUC it shows"]
caught = "is refused as well" if spread > settings.leak_auc else "would have passed"
display(
    Markdown(
        f"The guard is a last resort. The same export joined to all {past.seen['cutoff_us'].nunique()} earlier days, where "
        f"it knows the answer less plainly, shows {spread:.3f} and {caught} (the line is at {settings.leak_auc:g}); in use "
        f"it reaches {told.loc['leak: export joined to every day', 'AUC in use']:.3f}. What keeps such leaks out is that "
        "features are computed as of each day from events strictly before it, never joined from a table of today."
    )
)

# %% [markdown]
# ## How good is the champion?
# Everybody with an order before the day, judged by the 30 days from then, which nobody here has seen. The rules are
# fitted on newer labels than the champion, up to the day itself, so that they have every chance. AUC is the share of
# pairs, one who orders and one who does not, in which the former scores higher; in brackets the 95 % interval.

# %%
seen = pd.concat([past.seen, past.test], ignore_index=True)
rules = {
    "rfm sum": RfmSum.fit(past.test, past.test["label"].to_numpy()),
    "recency": Recency.fit(seen, seen["label"].to_numpy()),
    "logistic": Logistic.fit(seen, seen["label"].to_numpy(), features=past.features),
    "bg-nbd": BgNbdRule.fit(seen, seen["label"].to_numpy(), days=float(horizon.days)),
}
name_of_champion = f"champion v{champion.version}"
scores = {name_of_champion: champion.model.predict(now)}
scores |= {name: rule.predict(now) for name, rule in rules.items()}
pairs = {name: np.column_stack([truth, score]) for name, score in scores.items()}
gains = {
    name: paired_bootstrap(pairs[name_of_champion], pairs[name], metric=auc_of_draws, seed=SEED)
    for name in rules
}
rows = []
for name, score in scores.items():
    figures = scoring_metrics(truth, score)
    low, high = bootstrap(pairs[name], metric=auc_of_draws, seed=SEED)
    gain = gains.get(name)
    rows.append(
        {
            "": name,
            "AUC": f"{figures['auc']:.3f} [{low:.3f}, {high:.3f}]",
            "champion better by": f"{gain.gain:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
            if gain
            else "",
            "log loss": figures["log_loss"],
            "ECE": figures["ece"],
        }
    )
print(
    f"{truth.mean():.1%} of {len(truth):,} customers ordered in the {horizon.days} days from {AS_OF}."
)
pd.DataFrame(rows).style.hide(axis="index").format({"log loss": "{:.4f}", "ECE": "{:.3f}"})

# %%
sure = [name for name, gain in gains.items() if gain.low > 0]
better = [name for name, gain in gains.items() if gain.high < 0]
tied = [name for name in gains if name not in (*sure, *better)]
says = [
    f"The champion ranks better than {', '.join(sure)} beyond chance." if sure else "",
    f"Against {', '.join(tied)} the interval holds 0: these customers cannot tell which is better."
    if tied
    else "",
    f"**Better than the champion, beyond chance: {', '.join(better)}.** Train again, and see what the gate says."
    if better
    else "",
]
display(Markdown(" ".join(filter(None, says))))

# %% [markdown]
# ## Can the probabilities be taken as they are?
# Customers in ten groups by what they were given; on the diagonal, as many ordered as were foretold.

# %%
calibration_curve(truth, {name: scores[name] for name in list(scores)[:3]})

# %%
given, came, size = calibration_bins(truth, scores[name_of_champion])
off = int(np.argmax(np.abs(given - came)))
above = "more" if came[off] > given[off] else "fewer"
display(
    Markdown(
        f"The group that is furthest off was given {given[off]:.0%}, and {came[off]:.0%} of its {size[off]:,.0f} customers "
        f"ordered. Over everybody {scores[name_of_champion].mean():.1%} were expected and {truth.mean():.1%} came: the share "
        "moves with the season, and a model learns of it one slice late."
    )
)

# %% [markdown]
# ## What does the order find?

# %%
gain_curves(truth, {name: scores[name] for name in list(scores)[:3]})

# %%
tenth = np.argsort(scores[name_of_champion], kind="stable")[: len(now) // 10]
absent = (truth[tenth] == 0).sum() / (truth == 0).sum()
side = "the bottom, by whoever wins customers back" if truth.mean() > 0.5 else "the top"
display(
    Markdown(
        f"{truth.mean():.0%} ordered, so a list like this is best read from {side}: at most {1 / truth.mean():.1f} times as "
        f"many orders as at random can be among those on top. The tenth scored lowest holds {absent:.0%} of all who did not order."
    )
)

# %% [markdown]
# ## Whom would we mail?
# Of those who may be mailed at all, we take the highest scores and count what would have come to pass. *Wasted* is a
# send to somebody who did not order; *missed* is somebody who ordered without one. Mailing at random is what any order has to beat.

# %%
allowed = consenting(settings, now["customer_id"].tolist(), EMAIL_MARKETING, as_of=as_of)
may = now["customer_id"].isin(allowed).to_numpy()
assert may.any(), "nobody has consented to e-mails: there is nothing to simulate"
orders = {
    name_of_champion: scores[name_of_champion][may],
    "rfm sum": scores["rfm sum"][may],
    "at random": np.zeros(may.sum()),
}
shares = sorted({0.05, 0.1, 0.2, 0.3, 0.5, 0.8, SHARE})
tables = {name: top_share(truth[may], score, shares) for name, score in orders.items()}
print(
    f"{may.sum():,} of {len(now):,} customers may be mailed; {truth[may].sum():,} of them ordered."
)
together = pd.concat(
    {name: one.set_index(["share", "sends"]) for name, one in tables.items()}, axis=1
)
together.swaplevel(axis=1)[
    [(what, name) for what in ("ordered", "wasted", "missed") for name in orders]
].style.format("{:,.0f}").format_index("{:.0%}", level="share").format_index("{:,}", level="sends")

# %%
top_share_curves(truth[may], {name: orders[name] for name in list(orders)[:2]}, SHARE)

# %%
best, rfm, chance = (one.set_index("share").loc[SHARE] for one in tables.values())
display(
    Markdown(
        f"At {SHARE:.0%} mailed, {best['sends']:,.0f} sends reach {best['ordered']:,.0f} who order and waste "
        f"{best['wasted']:,.0f}; by RFM sum {rfm['wasted']:,.0f} would be wasted, at random {chance['wasted']:,.0f}. "
        f"{best['missed']:,.0f} order without a mail.\n\n"
        "**What this does not say:** those highest on the list are likeliest to order *anyway*. A send that is not wasted "
        "has not caused the order; the list says where orders will be, not where an e-mail makes one. That takes an "
        "experiment: some of those chosen, drawn by lot, are not mailed, and the difference is the answer. Until then, the "
        "top of the list is the last place for a discount."
    )
)

# %% [markdown]
# ## What moves the scores?
# Every dot is a customer. To the right: raises the score; orange: the value is high among these customers.

# %%
if isinstance(champion.model, Explains):
    some = now.sample(min(2_000, len(now)), random_state=SEED)
    features = tuple(champion.model.features)
    values = some[list(features)].to_numpy(dtype=float)
    display(contribution_swarm(features, champion.model.contributions(some), values))

# %% [markdown]
# The same for three customers, without a name: near the top, in the middle, near the bottom.

# %%
ranked = np.argsort(-scores[name_of_champion], kind="stable")
three = now.iloc[[ranked[round(place * (len(ranked) - 1))] for place in (0.05, 0.5, 0.95)]]
reasons = reasons_of(champion.model, three, shop=shop)
for who, at_row, why in zip("ABC", three.index, reasons, strict=True):
    did_so = "ordered" if truth[at_row] else "did not order"
    display(
        Markdown(
            f"**Customer {who}**: {scores[name_of_champion][at_row]:.0%}, and {did_so}.\n"
            + "".join(f"\n- {reason}" for reason in why)
        )
    )

# %% [markdown]
# ## So?

# %%
figures = scoring_metrics(truth, scores[name_of_champion])
strongest = min(gains, key=lambda name: gains[name].gain)
display(
    Markdown(
        f"- On {len(truth):,} customers and days that it had not seen, the champion reaches AUC {figures['auc']:.3f} with a "
        f"calibration error of {figures['ece']:.3f}. The strongest of the rules is {strongest}, from which it differs by "
        f"{gains[strongest].gain:+.3f} [{gains[strongest].low:+.3f}, {gains[strongest].high:+.3f}].\n"
        f"- A figure of {fooled:.3f} was to be had by a wrong join. In use that model reaches "
        f"{told.loc['leak: export, customers split at random', 'AUC in use']:.3f}, the honest one "
        f"{told.loc['honest: learnt from earlier days', 'AUC in use']:.3f}.\n"
        f"- Of the {SHARE:.0%} scored highest {best['ordered'] / best['sends']:.0%} ordered, of everybody who may be mailed "
        f"{truth[may].mean():.0%}. That is what the order of the list is worth in sends; what they cause it does not know."
    )
)

# %%
lake.close()
assert figures["auc"] > 0.5, "a model that ranks no better than a coin is no champion"
