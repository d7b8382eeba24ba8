from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import (
    load_settings,
    missing_conf,
    name_workspace,
    secret_key,
    without_login,
    workspace_id,
)


@pytest.fixture(autouse=True)
def no_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SENDWISE_CONF", str(tmp_path))
    return tmp_path


def test_environment_wins_over_the_file_and_arguments_over_both(
    no_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (no_conf / "sendwise.yaml").write_text("timezone: Europe/London\nhome: from-file\n")
    monkeypatch.setenv("SENDWISE_HOME", "from-environment")

    assert load_settings().timezone == "Europe/London"
    assert load_settings().home == Path("from-environment")
    assert load_settings(home=Path("from-argument")).home == Path("from-argument")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("GATE_MARGIN", "-1", id="out-of-bounds"),
        pytest.param("SMTP_PORT", "mail", id="wrong-type"),
        pytest.param("TIMEZONE", "Mars/Olympus", id="unknown-zone"),
        pytest.param("CURRENCY", "pounds", id="not-a-currency-code"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SENDWISE_{name}", value)

    with pytest.raises(ConfigError, match=f"SENDWISE_{name}"):
        load_settings()


def test_an_unknown_line_in_the_file_is_refused(no_conf: Path) -> None:
    (no_conf / "sendwise.yaml").write_text("timezome: UTC\n")

    with pytest.raises(ConfigError, match="timezome"):
        load_settings()


def test_an_unknown_setting_is_answered_with_the_nearest_known(no_conf: Path) -> None:
    (no_conf / "sendwise.yaml").write_text("gate_margn: 0.1\n")

    with pytest.raises(
        ConfigError, match=r"'gate_margn' .*: unknown; did you mean 'gate_margin'\?"
    ):
        load_settings()


@pytest.mark.parametrize("rate", ["0", "-1.2", "NaN"])
def test_a_rate_is_a_number_above_zero(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDWISE_RATES", f'{{"USD": {rate}}}')

    with pytest.raises(ConfigError, match=r"'rates.USD' \(SENDWISE_RATES or .*: must be "):
        load_settings()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("http://ann:s3cret@host:5000/x", "http://host:5000/x", id="user-and-password"),
        pytest.param("at http://a:b@c@host: no", "at http://host: no", id="at-sign-in-a-message"),
        pytest.param("sqlite:////srv/a@b/m.db", "sqlite:////srv/a@b/m.db", id="path-with-at"),
        pytest.param("http://host/a@b", "http://host/a@b", id="nothing-to-hide"),
    ],
)
def test_an_address_is_shown_without_its_login(given: str, shown: str) -> None:
    assert without_login(given) == shown


def test_where_there_is_no_conf_folder_its_setting_is_named(no_conf: Path) -> None:
    assert missing_conf(no_conf) == ""
    assert "set SENDWISE_CONF" in missing_conf(no_conf / "conf")


def test_the_file_that_is_not_yaml_is_one_clear_line(no_conf: Path) -> None:
    (no_conf / "sendwise.yaml").write_text("a: [\n")

    with pytest.raises(ConfigError, match=r"sendwise\.yaml"):
        load_settings()


def test_secrets_do_not_show_in_print() -> None:
    assert "hunter2" not in repr(load_settings(smtp_password="hunter2"))


def test_the_secret_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "var")

    assert secret_key(settings) == secret_key(settings) != ""
    assert (tmp_path / "var" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_workspace_has_one_name_and_no_other_has_it(tmp_path: Path) -> None:
    one, other = (load_settings(home=tmp_path / name) for name in ("one", "other"))

    assert not workspace_id(one)
    assert name_workspace(one) == name_workspace(one) == workspace_id(one) != name_workspace(other)


def test_a_given_secret_key_is_used() -> None:
    assert secret_key(load_settings(secret_key="ours")) == "ours"
