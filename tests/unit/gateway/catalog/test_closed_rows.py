"""Closed rows of the comparison: each leads to somebody who serves it, or says why not and what to ask for instead.

For pictures and clips also, of open rows too: what a profile promises, its provider's file can ask for. Nothing is
asked of anybody.
"""

from typing import Any

import msgspec
import pytest

from backends.cloud.media.inputs import check_inputs
from backends.cloud.media.plan import Plan, chosen, plan_of
from backends.cloud.media.request import Rendered, create_request
from backends.cloud.media.value import FILES, Blob, Inputs, Value, values_of
from backends.cloud.offer import Offer
from backends.contract import Task
from backends.errors import Cause
from backends.wire.media_job import MediaJob, Source
from gateway.catalog.clip_length import nearest
from gateway.catalog.load import load
from gateway.catalog.picture_size import snap
from gateway.catalog.profile import ModelProfile
from gateway.routing import clip_job, picture_job
from gateway.routing.egress import Permit, objection
from gateway.routing.route import Offered
from gateway.routing.spillway import no_way
from gateway.routing.table import RouteTable
from gateway.scheduling.footprint import Footprints
from gateway.settings import default_profiles_dir
from gateway.spending.cost import Clips, Pictures, Wanted, most
from tests.closed_rows import TEXT_ROWS
from tests.fakes.vendor import CLIP, picture

CLOSED = {
    "Midjourney v6.1": {"midjourney-v6.1": "retired"},
    "DALL-E 3 / GPT-Image": {
        "dall-e-3": "retired", "gpt-image-1": "retired", "gpt-image-1.5": "ending", "gpt-image-2": "active",
        "gpt-image-2.5-flare": "active", "gpt-image-2.5-sunburst": "active",
    },
    "Ideogram 3": {"ideogram-3": "active"},
    "Adobe Firefly 3": {"firefly-image-3": "active"},
    "Google Imagen 3/4": {"imagen-3": "retired", "imagen-4": "retired"},
    "Recraft V3": {"recraft-v3": "active"},
    "Aurora (Grok)": {"aurora": "retired"},
    "Flux 1 Pro": {
        "flux-1-pro": "active", "flux-1.1-pro": "active", "flux-1.1-pro-ultra": "active", "flux-1-fill-pro": "active",
    },
    "Sora": {"sora-2": "retired"},
    "Runway Gen-4.5": {"runway-gen-4.5": "active"},
    "Runway Gen-4 / Gen-3 Alpha": {"runway-gen-4-turbo": "active", "runway-gen-3-alpha": "retired"},
    "Google Veo 2/3": {"veo-2": "retired", "veo-3": "retired"},
    "Kling 2.0": {"kling-2.0": "active"},
    "Pika 2.0/2.5": {"pika-2.5": "retired", "pika-2.2": "active", "pika-2.2-i2v": "active"},
    "Luma Dream Machine": {"luma-dream-machine": "retired"},
    "Luma Ray2": {"luma-ray-2": "active", "luma-ray-flash-2": "active"},
    "Hailuo / MiniMax Video": {"hailuo-02": "active", "minimax-h3": "active", "minimax-h3-max": "active"},
    "Vidu 2.0": {"vidu-2.0": "active"},
    "ByteDance Seedance": {
        "seedance-2.0": "active", "seedance-2.0-fast": "active", "seedance-2.0-mini": "active",
        "seedance-2.5": "active",
    },
    "Haiper 2.0": {"haiper-2.0": "retired"},
    "Genmo Mochi (cloud)": {"genmo-mochi-cloud": "retired"},
} | TEXT_ROWS  # fmt: skip
"""The rows that the comparison calls closed, as written there, and what has become of them."""
DAY = "2026-11-29"
MAKES = {
    Task.IMAGE: ("picture", "generate"),
    Task.IMAGE_EDIT: ("picture", "edit"),
    Task.IMAGE_VARIATION: ("picture", "vary"),
    Task.INPAINT: ("picture", "inpaint"),
    Task.VIDEO: ("clip", "generate"),
    Task.IMAGE_TO_VIDEO: ("clip", "animate"),
    Task.VIDEO_TO_VIDEO: ("clip", "restyle"),
}
ANOTHER_NAME = {"image5": "firefly_image"}
"""What requests call a model whose offer is named otherwise."""
OPEN = Permit(server="spill", key=True)
_CATALOG = load(default_profiles_dir()).catalog
assert _CATALOG is not None
PROFILES, PROVIDERS = _CATALOG.profiles, _CATALOG.providers
TABLE = RouteTable(_CATALOG, Footprints(), lambda variant: True)
MEDIA = {p.id: p for p in PROFILES.values() if p.modality in ("image", "video") and not p.open_weights}
OPEN_MEDIA = {p.id: p for p in PROFILES.values() if p.picture is not None and p.open_weights}
LIVE = [
    (p, each)
    for p in (MEDIA | OPEN_MEDIA).values()
    for each in TABLE.route(p.id).cloud
    if each.offer.state != "retired"
]
each_live = pytest.mark.parametrize(("profile", "at"), LIVE, ids=[f"{p.id}@{at.provider.id}" for p, at in LIVE])
DEAF = {
    "wan-2.1@fal": {"guidance"},
    "hunyuan-video@fal": {"guidance"},
    "hunyuan-video-i2v@fal": {"guidance"},
}
"""What a host of open weights has no word for, though the profile does: it goes by its own."""
PIXEL = Blob(picture(), "image/png")
GIVEN = "/given"


def is_live(profile: ModelProfile, offer: Offer) -> bool:
    """Somebody may be asked today, who says how it makes each of the tasks."""
    provider = PROVIDERS[offer.provider]
    if objection(OPEN, provider, offer, has_key=True, asked_for=True, today=DAY) is not None:
        return False
    media = [MAKES[task] for task in offer.tasks or profile.tasks if task in MAKES]
    if not media:
        return provider.kind in ("openai", "anthropic")
    return all(chosen(provider.operations, *each, offer.model) is not None for each in media)


def is_routable(profile: ModelProfile) -> bool:
    return bool(profile.variants) or any(is_live(profile, offer) for offer in profile.cloud)


def plan_for(at: Offered, task: Task) -> Plan:
    provider = PROVIDERS[at.offer.provider]
    number = chosen(provider.operations, *MAKES[task], at.offer.model)
    assert number is not None, f"{provider.id} has no operation for {task.value} of {at.offer.model}"
    plan, faults = plan_of(provider.operations[number], frozenset(provider.given))
    assert plan is not None, faults
    return plan


def job_for(profile: ModelProfile, at: Offered, task: Task, frames: int | None = None) -> MediaJob:
    """What a request that says no more than a prompt, and its pictures, becomes."""
    assert profile.picture is not None
    width, height = snap(None, profile.picture)
    first = None if task in (Task.IMAGE, Task.VIDEO, Task.VIDEO_TO_VIDEO) else GIVEN
    if profile.clip is None:
        mask = GIVEN if task is Task.INPAINT else None
        images = () if first is None else (first,)
        wish = picture_job.Wish(
            task=task, prompt="A boat", width=width, height=height, seeds=(7,), images=images, mask=mask
        )
        return picture_job.job_of(wish, at.candidate, "j")
    clip = profile.clip
    film = clip_job.ClipWish(
        task=task, prompt="A boat", width=width, height=height, frames=frames or clip.frames, fps=clip.fps, seed=7,
        first=first, sound=clip.sound, clip=GIVEN if task is Task.VIDEO_TO_VIDEO else None,
    )  # fmt: skip
    return clip_job.job_of(film, at.candidate, "j", "/out")


def request_of(at: Offered, plan: Plan, job: MediaJob) -> Rendered:
    """What would be sent, with files that are there and names of one's own that are set."""

    def read(source: Source | None, blob: Blob) -> Blob | None:
        return None if source is None else blob

    inputs = Inputs(
        images=(PIXEL,) * len(job.images), mask=read(job.mask, PIXEL), last=read(job.last, PIXEL),
        clip=read(job.clip, Blob(CLIP, "video/mp4")),
    )  # fmt: skip
    own: dict[str, Value] = dict.fromkeys(PROVIDERS[at.offer.provider].given, "own")
    values = values_of(job, at.offer.model, job.seeds, inputs) | own
    way = plan.way(values)
    assert way is not None
    check_inputs(job, way, plan.operation.limits)
    refs = {f"{name}_ref": f"up-{name}" for name in FILES if values.get(name) is not None}
    return create_request(way, values | (refs if plan.upload is not None else {}))


def said(request: Rendered) -> str:
    fields = [value for _, value in request.form if isinstance(value, str)]
    return "\n".join([request.path, *request.headers.values(), *fields, (request.body or b"").decode()])


def test_the_comparison_calls_twenty_nine_rows_closed() -> None:
    assert len(CLOSED) == 29


@pytest.mark.parametrize("row", CLOSED)
def test_a_closed_row_resolves(row: str) -> None:
    found = {p.id: p for p in PROFILES.values() if row in p.catalog_rows}
    assert {name: p.lifecycle for name, p in found.items()} == CLOSED[row]
    for profile in found.values():
        if profile.lifecycle == "retired":
            assert profile.why_not
            assert not is_routable(profile)
        else:
            assert is_routable(profile), profile.id


@pytest.mark.parametrize("profile", [p for p in PROFILES.values() if p.successor], ids=lambda profile: profile.id)
def test_whoever_follows_can_be_asked(profile: ModelProfile) -> None:
    seen: list[str] = []
    following = profile
    while following.successor is not None and (following is profile or not is_routable(following)):
        seen.append(following.id)
        following = PROFILES[following.successor]
        assert following.id not in seen
    assert is_routable(following)
    assert following.lifecycle == "active"


def test_who_is_gone_or_going_names_a_successor() -> None:
    going = [p for p in PROFILES.values() if p.cloud and p.lifecycle in ("retired", "ending")]
    assert not [p.id for p in going if p.successor is None]


def test_who_asks_for_what_is_gone_hears_why_and_what_to_ask_for() -> None:
    gone = [profile for profile in MEDIA.values() if profile.lifecycle == "retired"]
    for profile in gone:
        said = [
            objection(OPEN, PROVIDERS[offer.provider], offer, has_key=True, asked_for=True, today=DAY)
            for offer in profile.cloud
        ]
        error = no_way(TABLE.route(profile.id), tuple(filter(None, said)), DAY)
        assert (error.cause, error.code) == (Cause.NOT_FOUND, "model_not_available")
        assert f"; {profile.successor} takes its place" in error.detail


@pytest.mark.parametrize("profile", MEDIA.values(), ids=MEDIA)
def test_an_offer_of_pictures_or_clips_says_what_it_is(profile: ModelProfile) -> None:
    assert profile.picture is not None, "a request hears why it is not served, and not that this makes no pictures"
    assert (profile.clip is not None) == (profile.modality == "video")
    assert not [alias for alias in profile.aliases if "*" in alias]
    for offer in profile.cloud:
        assert offer.state == profile.lifecycle
        assert offer.experimental == (offer.state != "retired"), "nobody here has a key"
        assert offer.as_of >= "2026-11-23"
        assert offer.state != "ending" or offer.ends_on is not None
        assert (offer.price is not None) == (offer.state != "retired")


@each_live
def test_what_is_promised_can_be_asked_for(profile: ModelProfile, at: Offered) -> None:
    for task in at.offer.tasks or profile.tasks:
        plan = plan_for(at, task)
        clip = profile.clip
        lengths = (None,) if clip is None else (None, clip.least_frames, clip.most_frames)
        for frames in lengths:
            request = request_of(at, plan, job_for(profile, at, task, frames))
            assert ANOTHER_NAME.get(at.offer.model, at.offer.model) in said(request)


@each_live
def test_nothing_is_promised_that_no_request_says(profile: ModelProfile, at: Offered) -> None:
    picture, clip = profile.picture, profile.clip
    assert picture is not None
    plans = {task: plan_for(at, task) for task in at.offer.tasks or profile.tasks}
    used = {name for plan in plans.values() for way in plan.ways for name in way.uses}
    deaf = DEAF.get(f"{profile.id}@{at.provider.id}", set())
    assert picture.guidance is None or ("guidance" in used) != ("guidance" in deaf)
    assert not picture.negative_prompt or "negative_prompt" in used
    edits = [plan for task, plan in plans.items() if task in (Task.IMAGE_EDIT, Task.INPAINT)]
    assert all(picture.most_images <= (plan.operation.limits.images or 1) for plan in edits)
    if clip is not None:
        assert not clip.last_frame or "last" in used
        assert not clip.sound or "sound" in used
        assert nearest(clip.frames, clip) == clip.frames
        seconds = clip.every % clip.fps == clip.plus % clip.fps == 0
        assert seconds or profile.open_weights, "makers count in whole seconds, hosts of open weights in pictures"


@each_live
def test_a_price_bounds_what_is_asked_for(profile: ModelProfile, at: Offered) -> None:
    """Larger and longer ones never cost less."""
    picture, clip, price = profile.picture, profile.clip, at.offer.price
    assert picture is not None
    assert price is not None

    def bound(side: int, seconds: float, n: int = 1) -> int:
        width, height = snap((side, side), picture)
        film = Clips(
            lines=min(width, height), milliseconds=round(seconds * 1000), sound=clip is not None and clip.sound
        )
        stills = Pictures(count=n, pixels=width * height)
        made: dict[str, Any] = {"pictures": stills} if clip is None else {"clips": film}
        return most(price, Wanted(**made))

    seconds = (1.0, 1.0) if clip is None else (clip.least_frames / clip.fps, clip.most_frames / clip.fps)
    small, large = bound(picture.least_side, seconds[0]), bound(picture.most_side, seconds[1])
    assert 0 < small <= large
    assert clip is not None or 2 * large - 1 <= bound(picture.most_side, 1.0, 2) <= 2 * large, "rounded up once"
    assert large < 25 * 10**9, "a clip of thirty seconds at 1080p is about sixteen dollars"


def test_bodies_are_json() -> None:
    """One of each kind of body, as it goes over the wire."""
    ray = next(at for p, at in LIVE if p.id == "luma-ray-2")
    request = request_of(ray, plan_for(ray, Task.VIDEO), job_for(PROFILES["luma-ray-2"], ray, Task.VIDEO, 216))
    assert msgspec.json.decode(request.body or b"") == {
        "model": "ray-2", "prompt": "A boat", "aspect_ratio": "16:9", "duration": "9s", "resolution": "720p",
    }  # fmt: skip
