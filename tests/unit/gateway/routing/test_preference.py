"""Which model is meant when none is named, and what is said when none can be had."""

import pytest

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.load import load
from gateway.routing.preference import preferred
from gateway.settings import default_profiles_dir

catalog = load(default_profiles_dir()).catalog
assert catalog is not None
ABSENT = "the weights of {} are not here"


def chosen(here: set[str], fitting: set[str] | None = None, task: Task = Task.IMAGE) -> str:
    of = {id(v): p.id for p in catalog.profiles.values() for v in p.variants}
    return preferred(
        catalog,
        task,
        lambda variant: fitting is None or of[id(variant)] in fitting,
        lambda profile, _: None if profile.id in here else BackendError(Cause.LOAD_FAILED, ABSENT.format(profile.id)),
    ).id


def test_the_best_tier_that_is_here_and_fits() -> None:
    assert chosen({"sd-1.5", "sdxl"}) == "sdxl"
    assert chosen({"sd-1.5", "sdxl", "qwen-image"}) == "qwen-image"
    assert chosen({"sd-1.5", "qwen-image"}, {"sd-1.5"}) == "sd-1.5"


def test_what_is_said_of_the_best_that_would_fit() -> None:
    with pytest.raises(BackendError, match=ABSENT.format("sd-1.5")):
        chosen(set(), {"sd-1.5"})
    with pytest.raises(BackendError) as none_fits:
        chosen(set(), set())
    assert none_fits.value.cause is Cause.CANNOT_FIT
    with pytest.raises(BackendError) as nobody:
        chosen(set(), task=Task.SPEECH)
    assert (nobody.value.cause, nobody.value.param) == (Cause.NOT_FOUND, "model")
