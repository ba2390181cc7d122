"""What is told before a job is queued that nothing here could run."""

import pytest

from backends.errors import BackendError, Cause
from gateway.catalog.load import load
from gateway.routing.presence import changes_clips, require_present
from gateway.routing.route import Route
from gateway.routing.table import RouteTable
from gateway.scheduling.footprint import Footprints
from gateway.settings import default_profiles_dir

catalog = load(default_profiles_dir()).catalog
assert catalog is not None
ROUTE = RouteTable(catalog, Footprints(), lambda variant: True).route("wan-2.2")


def require(fitting: set[str], here: set[str], route: Route = ROUTE) -> None:
    require_present(
        route,
        lambda variant: variant.name in fitting,
        lambda _, variant: None if variant.name in here else BackendError(Cause.LOAD_FAILED, f"no {variant.name}"),
    )


@pytest.mark.parametrize(
    ("fitting", "here", "changes"),
    [
        ({"bf16", "refine"}, {"bf16", "refine"}, True),
        ({"nf4", "offload"}, {"bf16", "nf4", "offload", "refine"}, False),
        ({"bf16", "refine"}, {"bf16"}, False),
    ],
)
def test_changing_a_clip_may_be_a_variant_of_its_own(fitting: set[str], here: set[str], changes: bool) -> None:
    found = changes_clips(
        ROUTE,
        lambda variant: variant.name in fitting,
        lambda _, variant: None if variant.name in here else BackendError(Cause.LOAD_FAILED, f"no {variant.name}"),
    )
    assert found is changes


def test_one_that_fits_and_is_here_is_enough() -> None:
    require({"fp8", "offload"}, {"bf16", "offload"})


def test_what_the_first_that_fits_lacks() -> None:
    with pytest.raises(BackendError, match="no fp8"):
        require({"fp8", "offload"}, {"bf16"})


def test_what_fits_nowhere() -> None:
    with pytest.raises(BackendError) as refused:
        require(set(), {"bf16"})
    assert (refused.value.cause, refused.value.param) == (Cause.CANNOT_FIT, "model")
