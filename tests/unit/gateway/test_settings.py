"""Settings: safe defaults, what people write into variables, and where the operator's own key comes from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from backends.errors import BackendError, Cause
from gateway.settings import Settings, default_profiles_dir

CANARY = "canary-operator-key-1234567890"


def test_the_defaults_are_safe_on_a_laptop():
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.allow_remote is settings.metrics_public is False
    assert settings.allowed_hosts == settings.allowed_origins == ()
    assert settings.presented_key() is None
    assert settings.max_head_bytes == 32 * 1024
    assert settings.max_head_fields == 100


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("", ()),
        ("my.host", ("my.host",)),
        ("a.host, b.host,", ("a.host", "b.host")),
        ('["a.host", "b.host"]', ("a.host", "b.host")),
        (" []", ()),
    ],
)
def test_lists_are_written_with_commas_or_as_json(monkeypatch, written, names):
    monkeypatch.setenv("FOREBAY_ALLOWED_HOSTS", written)
    monkeypatch.setenv("FOREBAY_ALLOWED_ORIGINS", written)
    assert Settings().allowed_hosts == Settings().allowed_origins == names


@pytest.mark.parametrize("written", ['["a"', "[1]", "[null]", '[{"a": 1}]'])
def test_a_list_that_is_none_is_refused_by_the_variables_name(monkeypatch, written):
    monkeypatch.setenv("FOREBAY_ALLOWED_HOSTS", written)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [e["loc"] for e in refused.value.errors()] == [("allowed_hosts",)]


def test_lists_given_in_code_stay_as_they_are():
    assert Settings(allowed_hosts=("a", "b")).allowed_hosts == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("MAX_BODY_BYTES", "10"),
        ("MAX_IN_FLIGHT", "0"),
        ("BODY_DEADLINE", "0"),
        ("BODY_DEADLINE", "soon"),
        ("ALLOW_REMOTE", "perhaps"),
    ],
)
def test_a_value_out_of_bounds_stops_the_start(monkeypatch, name, value):
    monkeypatch.setenv(f"FOREBAY_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [e["loc"] for e in refused.value.errors()] == [(name.lower(),)]


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_the_key_comes_from_the_variable(monkeypatch):
    monkeypatch.setenv("FOREBAY_API_KEY", f" {CANARY}\n")
    settings = Settings()
    assert settings.presented_key() == CANARY
    assert CANARY not in f"{settings!r} {settings}" + str(settings.model_dump())


def test_the_key_comes_from_a_file(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(CANARY + "\n", "utf-8")
    settings = Settings(api_key_file=file)
    assert settings.presented_key() == CANARY
    assert CANARY not in repr(settings)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"two keys", b"one\ntwo"])
def test_a_key_file_without_a_key_stops_the_start_instead_of_opening_the_gateway(tmp_path: Path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BackendError) as refused:
        Settings(api_key_file=file).presented_key()
    assert refused.value.cause is Cause.STORAGE
    assert "FOREBAY_API_KEY_FILE" in refused.value.detail


def test_folders_follow_xdg(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "h"))
    settings = Settings()
    assert settings.state_dir == tmp_path / "s" / "forebay"
    assert settings.cache_dir == tmp_path / "c" / "forebay"
    assert settings.data_dir == tmp_path / "h" / ".local" / "share" / "forebay"


def test_profiles_of_the_checkout_are_the_default():
    assert default_profiles_dir().name == "model_profiles"
    assert default_profiles_dir().is_dir()


def test_nothing_may_be_spent_unless_an_amount_is_given(monkeypatch):
    assert (Settings().cloud_budget_day, Settings().cloud_budget_month) == (None, None)
    monkeypatch.setenv("FOREBAY_CLOUD_BUDGET_MONTH", "12.5")
    assert Settings().cloud_budget_month == 12.5
    for wrong in ("-1", "nan", "inf", "$5", ""):
        monkeypatch.setenv("FOREBAY_CLOUD_BUDGET_DAY", wrong)
        with pytest.raises(ValidationError):
            Settings()
