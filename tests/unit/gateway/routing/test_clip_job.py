"""From a wish for a clip to a job, what is refused before anything is loaded, and how long it will take."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.contract import Task
from backends.errors import BackendError, Cause
from backends.wire.media_job import Lora, Output, Source
from gateway.catalog.load import load
from gateway.routing.clip_job import ClipWish, demand_of, job_of, only_able, remaining, whole_seconds, work_of
from gateway.routing.route import Route
from gateway.routing.table import RouteTable
from gateway.scheduling.footprint import Footprints

PROFILE = """\
id: film
name: Film
modality: video
tasks: [video, image_to_video, video_to_video]
licence: x
open_weights: true
picture: {width: 832, height: 480, steps: 30, guidance: 4.0, most_steps: 50, strength: 0.5}
clip: {frames: 81, every: 4, plus: 1, least_frames: 5, most_frames: 121, fps: 16}
variants:
  - name: all
    engine:
      kind: diffusers
      pipelines: {generate: AaaPipeline, animate: BbbPipeline, restyle: CccPipeline}
      loras: {style: {part: style}}
    weights: {source: 'hf:o/r', folder: {bytes: 1}}
    parts: {style: {source: 'hf:o/s', folder: {bytes: 1}}}
    footprint: {weights_bytes: 1}
  - name: quick
    engine: {kind: diffusers, pipelines: {generate: AaaPipeline}, steps: 4, guidance: 1.0}
    weights: {source: 'hf:o/r', folder: {bytes: 1}}
    footprint: {weights_bytes: 1}
"""
WISH = ClipWish(task=Task.VIDEO, prompt="a cat", width=832, height=480, frames=81, fps=16.0, seed=3)


@pytest.fixture
def route(tmp_path: Path) -> Route:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "film.yaml").write_text(PROFILE)
    result = load(tmp_path)
    assert result.catalog is not None, result.problems
    return RouteTable(result.catalog, Footprints(), lambda variant: True).route("film")


def names(route: Route) -> list[str]:
    return [candidate.variant.name for candidate in route.candidates]


def test_what_a_worker_is_told(route: Route) -> None:
    first, quick = route.candidates
    job = job_of(replace(WISH, loras=(Lora("style", 0.5),), sound=False), first, "j", "/out")
    assert (job.task, job.frames, job.fps, job.seeds, job.sound) == ("generate", 81, 16.0, (3,), False)
    assert (job.steps, job.guidance, job.strength, job.output) == (30, 4.0, None, Output(folder="/out"))
    assert (job_of(WISH, quick, "j", "/out").steps, job_of(WISH, quick, "j", "/out").guidance) == (4, 1.0)
    asked = job_of(replace(WISH, steps=9, guidance=2.0), quick, "j", "/out")
    assert (asked.steps, asked.guidance) == (9, 2.0)


def test_what_it_begins_with(route: Route) -> None:
    first = route.candidates[0]
    animate = job_of(replace(WISH, task=Task.IMAGE_TO_VIDEO, first="/a.png"), first, "j", "/out")
    assert (animate.task, animate.images, animate.strength) == ("animate", (Source(path="/a.png"),), None)
    changed = job_of(replace(WISH, task=Task.VIDEO_TO_VIDEO, clip="/a.mp4"), first, "j", "/out")
    assert (changed.task, changed.clip, changed.strength) == ("restyle", Source(path="/a.mp4"), 0.5)
    by_much = replace(WISH, task=Task.VIDEO_TO_VIDEO, clip="/a.mp4", strength=0.9)
    assert job_of(by_much, first, "j", "/out").strength == 0.9


def test_only_variants_that_can_do_it_are_asked(route: Route) -> None:
    assert names(only_able(WISH, route)) == ["all", "quick"]
    assert names(only_able(replace(WISH, task=Task.IMAGE_TO_VIDEO, first="/a.png"), route)) == ["all"]
    assert names(only_able(replace(WISH, loras=(Lora("style"),)), route)) == ["all"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"task": Task.IMAGE}, "model"),
        ({"steps": 51}, "steps"),
        ({"negative_prompt": "dogs"}, "negative_prompt"),
        ({"last": "/b.png"}, "last_frame"),
        ({"loras": (Lora("none"),)}, "loras[0].name"),
    ],
)
def test_what_no_variant_can_do_is_refused_by_its_name(route: Route, change: dict, param: str) -> None:
    with pytest.raises(BackendError) as refused:
        only_able(replace(WISH, **change), route)
    assert (refused.value.cause, refused.value.param) == (Cause.INVALID_REQUEST, param)


def test_a_model_without_variants_says_why(route: Route) -> None:
    bare = replace(route, profile=replace(route.profile, variants=(), why_not="it is in no library"), candidates=())
    with pytest.raises(BackendError, match="it is in no library") as refused:
        only_able(WISH, bare)
    assert refused.value.cause is Cause.CANNOT_FIT


def test_work_and_memory_follow_the_size(route: Route) -> None:
    first, quick = route.candidates
    assert work_of(WISH, first) == pytest.approx(81 * 30 * 832 * 480 / 1e6)
    assert work_of(WISH, quick) == pytest.approx(81 * 4 * 832 * 480 / 1e6)
    assert (demand_of(WISH).frames, demand_of(WISH).width) == (81, 832)


def test_the_rest_of_the_way() -> None:
    assert remaining(1.0, 0.0, None) is None
    assert remaining(10.0, 50.0, None) == pytest.approx(10.0)
    assert remaining(5.0, 0.0, 60.0) == pytest.approx(55.0)
    assert remaining(90.0, 90.0, 60.0) == pytest.approx(9.5), "the plan was wrong: what was seen counts"
    assert (whole_seconds(None), whole_seconds(0.2)) == (None, 1)


@given(st.floats(0, 1e5), st.floats(0, 100), st.none() | st.floats(0, 1e5))
def test_it_is_never_negative(elapsed: float, percent: float, expected: float | None) -> None:
    left = remaining(elapsed, percent, expected)
    assert left is None or left >= 0
