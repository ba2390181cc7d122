"""Where engines, wheels and compiled kernels live by default: the user's data and cache directories."""

import os
from collections.abc import Mapping
from pathlib import Path


def default_root(environment: Mapping[str, str] = os.environ) -> Path:
    """Engine environments: ``$XDG_DATA_HOME/forebay/engines``."""
    return _base(environment, "XDG_DATA_HOME", ".local/share") / "forebay" / "engines"


def default_wheels(environment: Mapping[str, str] = os.environ) -> Path:
    """Wheels built or found: ``$XDG_CACHE_HOME/forebay/wheels``."""
    return _base(environment, "XDG_CACHE_HOME", ".cache") / "forebay" / "wheels"


def default_kernels(environment: Mapping[str, str] = os.environ) -> Path:
    """What an engine compiled for this machine, kept for its next start: ``$XDG_CACHE_HOME/forebay/kernels``."""
    return _base(environment, "XDG_CACHE_HOME", ".cache") / "forebay" / "kernels"


def _base(environment: Mapping[str, str], variable: str, fallback: str) -> Path:
    given = Path(environment.get(variable, ""))
    # The XDG specification: a relative value is to be ignored.
    return given if given.is_absolute() else Path.home() / fallback
