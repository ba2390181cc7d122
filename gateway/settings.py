"""How this process runs: the only reader of the environment (``FOREBAY_*``) and of secret files. Frozen.

What is served is not here: that is the catalog. Times are seconds, sizes are bytes.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backends.cloud.secrets import Secrets, secrets_of
from backends.errors import BackendError, Cause


def _xdg(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "forebay"


def default_profiles_dir() -> Path:
    """The profiles of a checkout, else those inside the installed package."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "model_profiles"
    return checkout if checkout.is_dir() else package / "_profiles"


def _names(given: object) -> object:
    """``a,b`` is what people write into an environment variable, ``["a", "b"]`` what programs write."""
    if not isinstance(given, str):
        return given
    if not given.lstrip().startswith("["):
        return tuple(name for part in given.split(",") if (name := part.strip()))
    try:
        return msgspec.json.decode(given, type=tuple[str, ...])
    except msgspec.DecodeError:
        raise ValueError("write names with commas between them, or a JSON list of them") from None


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]


class Settings(BaseSettings):
    """One page of settings; every one has a default that is safe on a laptop."""

    model_config = SettingsConfigDict(env_prefix="FOREBAY_", frozen=True, extra="ignore", secrets_dir=None)

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; a public one needs allow_remote and a key."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allow_remote: bool = Field(default=False, description="Must be true to listen on an address other than loopback.")
    allowed_hosts: Names = Field(default=(), description="Host names accepted besides loopback ones.")
    allowed_origins: Names = Field(default=(), description="Exact browser origins that may call; none by default.")
    profiles_dir: Path = Field(default_factory=default_profiles_dir, description="Folder of model profiles.")
    state_dir: Path = Field(
        default_factory=lambda: _xdg("XDG_STATE_HOME", ".local/state"), description="Database, ledger, lock file."
    )
    data_dir: Path = Field(
        default_factory=lambda: _xdg("XDG_DATA_HOME", ".local/share"), description="Engine environments."
    )
    cache_dir: Path = Field(default_factory=lambda: _xdg("XDG_CACHE_HOME", ".cache"), description="Weights, wheels.")
    models_dir: Path | None = Field(default=None, description="Folder that relative file: weights are looked up in.")
    model_aliases: Names = Field(
        default=(),
        description="Names that clients ask for by default, and what is served instead: "
        "`claude-*=MODEL,gpt-*=auto:chat`.",
    )
    default_model: str | None = Field(
        default=None, description="Served for a name that nobody knows; by default that is a 404."
    )
    api_key: SecretStr | None = Field(default=None, description="A key accepted besides those of `forebay keys`.")
    api_key_file: Path | None = Field(default=None, description="File whose content is such a key.")
    memory_limit: int | None = Field(
        default=None, ge=0, description="Host memory engines may take, in bytes; default: all."
    )
    devices: str | None = Field(
        default=None,
        description="What to plan with instead of this machine: `ram=1GiB` is a budget of host RAM without cards; "
        "`2xRTX4090-24,ram=64`, or a file, is another machine, for everything but serving.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe line logged."
    )
    log_format: Literal["json", "text"] = Field(default="json", description="json for machines, text for people.")
    metrics_public: bool = Field(
        default=False, description="Whether /metrics is open to whoever reaches the address, even when there are keys."
    )
    access_log: bool = Field(default=True, description="One line a request.")
    max_in_flight: int = Field(default=512, ge=1, description="Requests served at once; past it 503.")
    max_connections: int = Field(default=10_000, ge=1, description="Connections accepted at once.")
    max_in_flight_per_key: int = Field(
        default=64, ge=1, description="Requests served at once for one key; past it 429."
    )
    head_deadline: float = Field(default=10.0, gt=0, description="Time a client has to send a request's head.")
    body_deadline: float = Field(default=30.0, gt=0, description="Time for a body, plus one second per MB.")
    max_head_bytes: int = Field(default=32 * 1024, ge=1024, description="Largest request head.")
    max_head_fields: int = Field(default=100, ge=10, description="Most header fields.")
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="Largest request body.")
    remote_pictures: Literal["off", "https", "http"] = Field(
        default="off",
        description="Whether pictures named by a URL are fetched: never, over https, or over http too; from public "
        "addresses only.",
    )
    queue_size: int = Field(default=512, ge=0, description="Requests waiting for one model; past it 429.")
    queue_wait: float = Field(default=120.0, gt=0, description="Longest wait for capacity, loading excluded.")
    first_event_timeout: float = Field(
        default=600.0,
        gt=0,
        description="Longest wait for a ready engine's first event; prompts of agents take minutes on small machines.",
    )
    idle_timeout: float = Field(default=60.0, gt=0, description="Longest silence inside a stream.")
    prefix_cache: Literal["shared", "per_key"] = Field(
        default="shared",
        description="Whether vLLM reads beginnings that other keys' requests had in common from its cache: faster, but "
        "an answer's delay tells a patient stranger what others have asked.",
    )
    idle_unload: float = Field(default=900.0, gt=0, description="A model unused for so long is unloaded.")
    keepalive_after: float = Field(default=1.0, gt=0, description="A stream's head waits so long for a proper status.")
    keepalive_every: float = Field(default=10.0, gt=0, description="Time between keep-alive events after that.")
    write_stall: float = Field(default=120.0, gt=0, description="A client that reads nothing for so long is dropped.")
    drain_window: float = Field(default=30.0, gt=0, description="Time running requests get at shutdown.")
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL database of keys and jobs, `postgresql://…`, for several gateways; default: SQLite in "
        "the state directory.",
    )
    results_url: str | None = Field(
        default=None,
        description="Where results of jobs are kept: a bucket, `s3://bucket/prefix`, or a folder that gateways share, "
        "`file:///path`; default: a folder of the state directory.",
    )
    results_bytes: int = Field(default=20 * 1024**3, ge=1, description="Results kept at once; past it no new jobs.")
    result_bytes: int = Field(default=512 * 1024**2, ge=1, description="Largest result of one job.")
    result_seconds: float = Field(default=86_400.0, gt=0, description="Time a result is kept.")
    job_slots: int = Field(
        default=4,
        ge=1,
        description="Jobs claimed at once, running or waiting for memory; up to 16 at providers besides.",
    )
    jobs_queued: int = Field(default=10_000, ge=1, description="Jobs waiting; past it 429.")
    job_wait: float = Field(default=86_400.0, gt=0, description="A job not begun within this time expires.")
    response_seconds: float = Field(
        default=30 * 86_400.0, gt=0, description="Time a response is stored for `previous_response_id`."
    )
    clip_hold: float = Field(
        default=60.0,
        ge=0,
        description="A running clip keeps an interactive request waiting for its memory so long, then goes back to the "
        "queue, twice at most; 0: it is never cut.",
    )
    cloud: Literal["off", "named", "spill"] = Field(
        default="off",
        description="Whether requests may leave for providers: `off` never; `named` for models that only they serve "
        "and for `cloud/NAME`; `spill` also what would have to wait here. Keys and budgets have their say besides.",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="Folder with a file for each provider's key, named as its environment variable; before that.",
    )
    cloud_answer_timeout: float = Field(
        default=600, gt=0, description="Seconds in which a provider has to give a plain answer; streams have their own."
    )
    successors: Literal["off", "warn", "auto"] = Field(
        default="off",
        description="What answers to the name of a model that its maker has switched off: `off` an error that names "
        "its successor; `auto` the successor; `warn` too, with the header `x-forebay-warning` and a line in the log.",
    )
    cloud_budget_day: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="Most US dollars that providers are paid in a day (UTC), for all keys together; the operator's own "
        "key has no other budget. 0: nothing. Default: 0, or no limit by the day where the month's is set.",
    )
    cloud_budget_month: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="The same in a month. Default: 0, or no limit by the month where the day's is set.",
    )
    reload_every: float = Field(default=2.0, gt=0, description="How often the profiles are looked at for changes.")

    @property
    def shared_database(self) -> Path | str:
        """Where keys and jobs are: a file, or the URL of a PostgreSQL database, with its password."""
        return self.state_dir / "forebay.db" if self.database_url is None else self.database_url.get_secret_value()

    @field_validator("model_aliases")
    @classmethod
    def _entries(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [entry for entry in given if not all(part.strip() for part in (*entry.partition("="),))]:
            raise ValueError(f"write PATTERN=MODEL: {wrong[0]!r} is not")
        return given

    def provider_secrets(self) -> Secrets:
        """Finds the keys of providers: in ``secrets_dir``, else in the environment under their usual names."""
        return secrets_of(self.secrets_dir, os.environ)

    def presented_key(self) -> str | None:
        """The operator's own key from ``api_key`` or ``api_key_file``; never logged.

        Raises ``BackendError(STORAGE)`` when the file named has no key: whoever names one means to be guarded.
        """
        if self.api_key is not None:
            return self.api_key.get_secret_value().strip() or None
        if self.api_key_file is None:
            return None
        try:
            key = self.api_key_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _no_key(self.api_key_file, "cannot be read") from error
        if not key or any(c.isspace() for c in key):
            raise _no_key(self.api_key_file, "does not hold exactly one key")
        return key


def _no_key(path: Path, reason: str) -> BackendError:
    return BackendError(Cause.STORAGE, f"FOREBAY_API_KEY_FILE: {path} {reason}")
