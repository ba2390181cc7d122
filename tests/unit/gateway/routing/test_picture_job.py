"""From a wish to a job, and what is refused before anything is loaded."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.contract import Task
from backends.errors import BackendError
from backends.wire.media_job import Lora, Source
from gateway.catalog.load import load
from gateway.catalog.profile import Picture
from gateway.routing.picture_job import Wish, check, job_of, only_able, steps_of, work_of
from gateway.routing.route import Route
from gateway.routing.table import RouteTable
from gateway.scheduling.footprint import Footprints

PROFILE = """\
id: paint
name: Paint
modality: image
tasks: [image, image_edit, image_variation, inpaint]
licence: x
open_weights: true
picture: {steps: 30, guidance: 4.0, negative_prompt: false, most_steps: 50, strength: 0.5, most_images: 2}
limits: {n: 2}
variants:
  - name: all
    engine:
      kind: diffusers
      pipelines: {generate: AaaPipeline, vary: BbbPipeline, inpaint: CccPipeline}
      loras: {style: {part: style}, hidden: {part: style, always: true}}
    weights: {source: 'hf:o/r', folder: {bytes: 1}}
    parts: {style: {source: 'hf:o/s', folder: {bytes: 1}}}
    footprint: {weights_bytes: 1}
  - name: quick
    engine: {kind: diffusers, pipelines: {generate: AaaPipeline}, steps: 4, guidance: 0.0}
    weights: {source: 'hf:o/r', folder: {bytes: 1}}
    footprint: {weights_bytes: 1}
"""
WISH = Wish(task=Task.IMAGE, prompt="a cat", width=512, height=256, seeds=(1, 2))


@pytest.fixture
def route(tmp_path: Path) -> Route:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "paint.yaml").write_text(PROFILE)
    result = load(tmp_path)
    assert result.catalog is not None, result.problems
    return RouteTable(result.catalog, Footprints(), lambda variant: True).route("paint")


def test_what_a_worker_is_told(route: Route) -> None:
    first, quick = route.candidates
    job = job_of(replace(WISH, loras=(Lora("style", 0.5),)), first, "j")
    assert (job.task, job.width, job.height, job.seeds) == ("generate", 512, 256, (1, 2))
    assert (job.steps, job.guidance, job.strength, job.loras) == (30, 4.0, None, (Lora("style", 0.5),))
    assert (job_of(WISH, quick, "j").steps, job_of(WISH, quick, "j").guidance) == (4, 0.0)
    asked = job_of(replace(WISH, steps=9, guidance=2.0), quick, "j")
    assert (asked.steps, asked.guidance) == (9, 2.0)


def test_an_edit_without_a_class_of_its_own_is_a_variation_and_a_mask_begins_anew(route: Route) -> None:
    first = route.candidates[0]
    edit = job_of(replace(WISH, task=Task.IMAGE_EDIT, images=("/a.png",)), first, "j")
    assert (edit.task, edit.strength, edit.images) == ("vary", 0.5, (Source(path="/a.png"),))
    inpaint = job_of(replace(WISH, task=Task.INPAINT, images=("/a.png",), mask="/m.png"), first, "j")
    assert (inpaint.task, inpaint.strength, inpaint.mask) == ("inpaint", 1.0, Source(path="/m.png"))
    assert job_of(replace(WISH, task=Task.INPAINT, strength=0.3), first, "j").strength == 0.3


def test_variants_that_cannot_are_left_out(route: Route) -> None:
    assert [c.variant.name for c in only_able(WISH, route).candidates] == ["all", "quick"]
    varied = only_able(replace(WISH, task=Task.IMAGE_VARIATION), route)
    assert [c.variant.name for c in varied.candidates] == ["all"]
    styled = only_able(replace(WISH, loras=(Lora("style"),)), route)
    assert [c.variant.name for c in styled.candidates] == ["all"]
    quick = Route(profile=route.profile, candidates=route.candidates[1:])
    with pytest.raises(BackendError, match="does not serve image_variation"):
        only_able(replace(WISH, task=Task.IMAGE_VARIATION), quick)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"task": Task.VIDEO}, "model"),
        ({"seeds": (1, 2, 3)}, "n"),
        ({"steps": 51}, "steps"),
        ({"negative_prompt": "a dog"}, "negative_prompt"),
        ({"images": ("/1", "/2", "/3")}, "image"),
        ({"loras": (Lora("nobody"),)}, "loras[0].name"),
        ({"loras": (Lora("hidden"),)}, "loras[0].name"),
    ],
)
def test_what_no_variant_can_do_is_refused_by_name(route: Route, change: dict[str, object], param: str) -> None:
    with pytest.raises(BackendError) as caught:
        check(replace(WISH, **change), route.profile)
    assert caught.value.param == param


def test_an_effort_changes_steps_where_there_are_many() -> None:
    picture = Picture(steps=30, most_steps=40)
    assert [steps_of(replace(WISH, effort=effort), picture, None) for effort in ("low", "auto", "medium", "high")] == [
        18,
        30,
        30,
        40,
    ]
    assert steps_of(replace(WISH, effort="high"), picture, 8) == 8
    assert steps_of(replace(WISH, effort="low", steps=7), picture, None) == 7


def test_work_is_pictures_times_steps_times_pixels(route: Route) -> None:
    every, quick = route.candidates
    assert work_of(WISH, every) == pytest.approx(2 * 30 * 512 * 256 / 1e6)
    assert work_of(WISH, quick) == pytest.approx(work_of(WISH, every) * 4 / 30)
    assert work_of(replace(WISH, steps=15, seeds=(1,)), every) == pytest.approx(work_of(WISH, every) / 4)
