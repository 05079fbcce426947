"""Settings: environment ``HORIZON_*``, then ``config/horizon.toml``, then defaults."""

import os
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.config import ConfigError

PREFIX = "HORIZON_"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSettings(_Section):
    """The one policy for every request that leaves the machine."""

    contact: str = ""  # an address for the operators of a source; part of the User-Agent
    timeout: float = Field(default=30, gt=0)  # s without a byte
    max_seconds: float = Field(default=300, gt=0)  # s for one whole answer
    retries: int = Field(default=3, ge=0)
    backoff: float = Field(default=1, ge=0)  # s before the first retry; doubles, with jitter
    max_retry_after: float = Field(default=120, ge=0)  # s; asked for more, we come back next run
    interval: float = Field(default=1, ge=0)  # s between two requests to one host
    max_bytes: int = Field(default=50_000_000, gt=0)  # as received
    max_decoded_bytes: int = Field(default=200_000_000, gt=0)  # after decompression
    max_redirects: int = Field(default=5, ge=0)


class HarvestSettings(_Section):
    """What the flows do about a source that fails after all retries of single requests."""

    retries: int = Field(default=1, ge=0)
    retry_delay: float = Field(default=60, ge=0)  # s


class EmbeddingSettings(_Section):
    """``model``: name or folder of a sentence-transformers model; empty: Horizon's own."""

    model: str = ""


Folder = Annotated[Path, AfterValidator(Path.expanduser)]


class TrainingSettings(_Section):
    """Folders that ``horizon train`` learns from, besides analysts and the texts that ship."""

    gold: Folder | None = None  # labels-train.jsonl and documents.parquet
    corpus: Folder | None = None  # the texts, in Parquet, of the ids whose labels ship


class DigestSettings(_Section):
    """The weekly digest."""

    sender: str = "Horizon <horizon@localhost>"
    items: int = Field(default=8, ge=1)  # told in full under each label
    max_age_days: int = Field(default=90, ge=1)  # published earlier: stored, counted, not told


class Settings(BaseSettings):
    """Everything that differs between two installations. Everything is kept beside the store."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    store: Path = platformdirs.user_data_path("horizon") / "horizon.duckdb"
    openalex_api_key: SecretStr = SecretStr("")
    http: HttpSettings = HttpSettings()
    harvest: HarvestSettings = HarvestSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    training: TrainingSettings = TrainingSettings()
    digest: DigestSettings = DigestSettings()

    @property
    def digests(self) -> Path:
        """Where digests are written."""
        return self.store.parent / "digests"

    @property
    def model(self) -> Path:
        """Where ``horizon train`` keeps the label heads; the ones before in ``model-previous``."""
        return self.store.parent / "model"

    @property
    def outbox(self) -> Path:
        """Where mail waits when no server is set."""
        return self.store.parent / "outbox"


def load_settings(config: Path, store: Path | None = None) -> Settings:
    """Read the settings of the folder ``config``; ``store`` (from the command line) goes first.

    Raises:
        ConfigError: an unknown key in the file or the environment, or a value that does not fit.
    """
    file = config / "horizon.toml"

    class FromFolder(Settings):
        @classmethod
        def settings_customise_sources(  # the order is the precedence
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | {f"{PREFIX}CONFIG"}
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper().split("__")[0] not in known:
            raise ConfigError(f"environment variable {name}: unknown setting; see docs/settings.md")
    try:
        settings = FromFolder() if store is None else FromFolder(store=store)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(
                f"{file} or {PREFIX}*: {'.'.join(map(str, e['loc']))}: "
                + ("unknown key" if e["type"] == "extra_forbidden" else e["msg"])
                for e in error.errors()
            )
        ) from error
    except ValueError as error:  # tomllib.TOMLDecodeError, with line and column in its text
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    return settings.model_copy(update={"store": settings.store.expanduser().absolute()})
