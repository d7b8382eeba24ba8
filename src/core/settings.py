"""Settings: `SENDWISE_*` in the environment, else `conf/sendwise.yaml`, else the defaults here.

Typed, bounded and frozen. A bad value stops the start with the name of the setting.
"""

from __future__ import annotations

import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from core.errors import ConfigError
from core.faults import first_fault

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


Engaging = Literal["open", "click", "order"]
ENGAGEMENT: Final[dict[Engaging, float]] = {"open": 1.0, "click": 2.0, "order": 5.0}
_NAME: Final = "workspace.id"


class Settings(BaseSettings):
    """Everything that may differ between two installations."""

    model_config = SettingsConfigDict(env_prefix="SENDWISE_", extra="forbid", frozen=True)

    home: Path = Field(Path("var"), description="The workspace: every file sendwise writes.")
    conf: Path = Field(Path("conf"), description="Folder of mappings, campaigns and settings.")
    now: str = Field("", description="The service's clock, ISO 8601. Empty: the real one.")

    currency: str = Field(
        "",
        pattern=r"^([A-Z]{3})?$",
        description="The shop's base currency. Empty: that of the first import.",
    )
    rates: dict[str, Rate] = Field(
        default_factory=dict,
        description="Value of one unit of another currency in the base currency.",
    )
    timezone: str = Field(
        "", description="The shop's time zone, for days and hours. Empty: that of the first import."
    )

    engagement: dict[Engaging, Weight] = Field(
        default_factory=lambda: dict(ENGAGEMENT),
        description="What an open, a click and an order add to a customer's engagement score.",
    )

    context: str = Field(
        "",
        description="CSV or Parquet file of weather, holidays and the like by day and place, whose"
        " columns become features; relative to the workspace. Empty: none.",
    )

    features_engine: Literal["duckdb", "spark"] = Field(
        "duckdb", description="What `sendwise features` computes with: duckdb, or spark."
    )
    spark_master: str = Field(
        "local[2]",
        description="Where Spark runs: local[N], N threads here, or a cluster's address.",
    )

    tracking_uri: str = Field("", description="MLflow server. Empty: SQLite in the workspace.")
    experiment: str = Field("sendwise", description="MLflow experiment that runs go to.")
    gate_margin: float = Field(
        0.01,
        ge=0,
        description="A gain over the champion has a lower bound above minus this.",
    )
    leak_auc: float = Field(
        0.95,
        gt=0.5,
        le=1,
        description="A training whose AUC is above this is refused: something knows the answer.",
    )

    least_horizons: int = Field(
        3, ge=3, le=24, description="Propensity: history before the slice that judges, in horizons."
    )
    least_examples: int = Field(
        100, ge=10, description="Propensity: examples who did, and as many who did not."
    )
    least_customers: int = Field(
        500, ge=50, description="Value and churn: customers with an order."
    )
    least_days: int = Field(180, ge=30, description="Value and churn: days of orders.")
    most_silent_days: int = Field(
        30, ge=1, description="Value and churn: the last order is of so many last days."
    )
    least_loyal: int = Field(
        1, ge=1, description="Value and churn: customers with three orders or more."
    )
    least_to_cluster: int = Field(200, ge=200, description="Clusters: customers with an order.")
    least_interactions: int = Field(
        1_000, ge=100, description="Recommender: lines of orders, a product each."
    )
    least_repeaters: int = Field(
        25, ge=2, description="Recommender: customers with two lines or more."
    )
    least_mail_days: int = Field(
        90, ge=14, description="Send time: days from the first open or click to the last."
    )
    least_answers: int = Field(
        100, ge=10, description="Engagement: mails answered by a person, and as many that were not."
    )

    service_url: str = Field(
        "http://127.0.0.1:3000", description="Where the send step finds the service."
    )
    public_url: str = Field(
        "", description="Address of the service in e-mails. Empty: where it listens."
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs unsubscribe links. Empty: made once in the workspace."
    )
    smtp_host: str = Field("127.0.0.1", description="SMTP server of `--transport smtp`.")
    smtp_port: int = Field(25, ge=1, le=65_535, description="Its port.")
    smtp_user: str = Field("", description="Its user. Empty: no login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Its password.")
    smtp_starttls: bool = Field(default=False, description="Upgrade the connection with STARTTLS.")

    decision_delay: timedelta = Field(
        timedelta(milliseconds=200),
        gt=timedelta(0),
        le=timedelta(seconds=1),
        description="How long a decision may wait in memory before it is written.",
    )
    drift_share: float = Field(
        0.3, gt=0, le=1, description="`drift --gate` fails when more than this share drifted."
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name and name not in available_timezones():
            raise ValueError(f"no time zone {name!r}; write for example Europe/London")
        return name

    @property
    def mail_url(self) -> str:
        """The address that pictures and links of e-mails begin with."""
        return (self.public_url or self.service_url).rstrip("/")

    @property
    def mlflow_uri(self) -> str:
        """The MLflow tracking and registry address."""
        return self.tracking_uri or f"sqlite:///{(self.home / 'mlflow.db').absolute()}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        conf = Path(os.environ.get("SENDWISE_CONF", "conf"))
        return (
            init_settings,
            env_settings,
            YamlConfigSettingsSource(settings_cls, yaml_file=conf / "sendwise.yaml"),
        )


def load_settings(**given: object) -> Settings:
    """Read the settings once, at an edge; pass them down from there.

    Raises:
        ConfigError: A value is unknown, of the wrong type or out of its bounds.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]  # names and types are checked at run time
    except ValidationError as error:
        name, what = first_fault(error, Settings)
        variable = f"SENDWISE_{name.split('.')[0].upper()}"
        raise ConfigError(f"setting {name!r} ({variable} or conf/sendwise.yaml): {what}.") from None
    except (SettingsError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"sendwise.yaml or a SENDWISE_* variable is unreadable: {reason}"
        ) from None


def without_login(text: str) -> str:
    """Return an address, or a message with addresses in it, without anybody's user and password."""
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


def missing_conf(conf: Path) -> str:
    """Return what to add to "not found in `conf`" where the folder itself is not there; else ''."""
    if conf.is_dir():
        return ""
    return (
        f" There is no folder {conf} here ({Path.cwd()}): set SENDWISE_CONF to that of your "
        "configuration, or change to the folder it is in."
    )


def secret_key(settings: Settings) -> str:
    """Return the key that signs links: the setting, else one made once in the workspace."""
    return settings.secret_key.get_secret_value() or _made_once(settings.home / "secret.key")


def name_workspace(settings: Settings) -> str:
    """Return the name of the workspace, made once at random: two shops have customers of one id."""
    return _made_once(settings.home / _NAME)


def workspace_id(settings: Settings) -> str:
    """Return the name of the workspace, empty until a service has given it one."""
    path = settings.home / _NAME
    return path.read_text() if path.exists() else ""


def _made_once(path: Path) -> str:
    """Return the random text in `path`, which only its owner can read; make it where it is not."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(aside, path)  # fails where another process was first: then its text counts
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_text()
