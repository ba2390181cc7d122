"""Open rows that make pictures and clips: who serves the same weights where this machine has no room for them.

What is asked of them is rendered by ``test_closed_rows``, along with what is asked for closed rows.
"""

import msgspec
import pytest

from backends.contract import Task
from gateway.catalog.profile import Spill
from gateway.routing.route import Offered
from gateway.spending.cost import Clips, Pictures, Wanted, most
from tests.unit.gateway.catalog.test_closed_rows import (
    LIVE,
    OPEN_MEDIA,
    PROVIDERS,
    is_live,
    job_for,
    plan_for,
    request_of,
)

HOSTS = {
    "cogvideox-5b": ["fal"],
    "cogvideox-5b-i2v": ["fal"],
    "flux-1-dev": ["fal", "replicate"],
    "flux-1-schnell": ["fal", "together", "replicate"],
    "flux-2-dev": ["fal", "together"],
    "framepack": ["fal"],
    "hidream-i1": ["fal", "together"],
    "hunyuan-video": ["fal"],
    "hunyuan-video-i2v": ["fal"],
    "ltx-2": ["fal"],
    "qwen-image": ["fal", "together"],
    "qwen-image-edit": ["fal"],
    "sd-3.5-large": ["fal", "replicate"],
    "sd-3.5-medium": ["fal", "replicate"],
    "sdxl": ["together"],
    "wan-2.1": ["fal"],
    "wan-2.1-i2v": ["fal"],
    "wan-2.2": ["fal"],
    "wan-2.2-5b": ["fal"],
    "wan-2.2-i2v": ["fal"],
    "wan-2.2-image": ["fal"],
    "z-image-turbo": ["fal"],
}
"""In an order of preference: whose price is the newest comes first."""
NOBODY = {
    "allegro", "animatediff", "auraflow", "kandinsky-3", "kolors", "ltx-video", "mochi-1", "pixart-sigma", "sd-1.5",
    "wan-2.1-1.3b", "emoji", "emoji-clip",
}  # fmt: skip
"""No host was found, or none that says what it asks for, or that takes a size and a length."""
OPEN_LIVE = [(profile, at) for profile, at in LIVE if profile.open_weights]
each_host = pytest.mark.parametrize(
    "at", [at for _, at in OPEN_LIVE], ids=[f"{p.id}@{at.provider.id}" for p, at in OPEN_LIVE]
)
CHANGING = {Task.IMAGE_EDIT, Task.IMAGE_VARIATION, Task.VIDEO_TO_VIDEO}


def test_who_serves_which_open_row() -> None:
    found = {p.id: [offer.provider for offer in p.cloud] for p in OPEN_MEDIA.values() if p.cloud}
    assert found == HOSTS
    assert {p.id for p in OPEN_MEDIA.values() if not p.cloud} == NOBODY


def test_what_runs_here_may_spill_to_the_same_weights() -> None:
    for profile in OPEN_MEDIA.values():
        assert profile.spill == (Spill() if profile.cloud else None)
        assert profile.variants, profile.id
        for offer in profile.cloud:
            assert is_live(profile, offer)
            assert offer.experimental, "nobody here has a key"
            assert offer.state == "active"


@each_host
def test_an_offer_costs_something_whatever_is_made(at: Offered) -> None:
    price = at.offer.price
    assert price is not None
    picture, clip = at.candidate.profile.picture, at.candidate.profile.clip
    assert picture is not None
    for rate in (*price.images, *price.clips):
        assert rate.usd > 0
    if clip is None:
        wanted = Wanted(pictures=Pictures(count=1, pixels=picture.least_side**2))
    else:
        wanted = Wanted(clips=Clips(lines=picture.least_side, milliseconds=round(1000 * clip.least_frames / clip.fps)))
    assert most(price, wanted) > 0


@each_host
def test_a_host_goes_by_its_own_steps_and_guidance_unless_asked(at: Offered) -> None:
    """Its candidate is the offer's, not one of the variants here with their numbers."""
    profile = at.candidate.profile
    assert at.candidate.provider == at.offer.provider == at.candidate.variant.name
    assert at.candidate.variant not in profile.variants
    assert at.media
    for task in at.offer.tasks or profile.tasks:
        plan, job = plan_for(at, task), job_for(profile, at, task)
        assert (job.steps, job.guidance) == (None, None)
        assert (job.strength is None) == (task not in CHANGING - {Task.IMAGE_EDIT})
        asked = msgspec.structs.replace(job, steps=7, guidance=2.5)
        plain, told = request_of(at, plan, job), request_of(at, plan, asked)
        used = {name for way in plan.ways for name in way.uses} & {"steps", "guidance"}
        assert (plain.body != told.body) == bool(used)


def test_adapters_never_leave() -> None:
    """Nothing in a request of any provider could name one."""
    assert not [p.id for p in PROVIDERS.values() if "lora" in msgspec.json.encode(p.operations).decode().lower()]
