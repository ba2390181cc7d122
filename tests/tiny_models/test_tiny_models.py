"""Every family of tiny pipelines is what the table says: one start of the engine's interpreter checks all of them."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from tests.diffusers_fixtures import python
from tests.tiny_models.families import FAMILIES
from tests.tiny_models.family import Family
from tests.tiny_models.findings import Found, Made

ROOT = Path(__file__).parents[2]
DEADLINE = 300
LARGEST = 8 << 20
SMALLEST = 300 << 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(DEADLINE + 60)]


def _ask(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(home), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [str(python()), "-m", "tests.tiny_models", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    home = tmp_path_factory.mktemp("tiny")
    done = _ask("--check", str(home / "made"), *FAMILIES, home=home)
    assert done.returncode == 0, done.stderr[-4000:]
    found = [msgspec.json.decode(line, type=Found) for line in done.stdout.splitlines() if line.startswith("{")]
    return {each.family: each for each in found}


@pytest.fixture(params=list(FAMILIES.values()), ids=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


@pytest.fixture
def found(family: Family, findings: dict[str, Found]) -> Found:
    return findings[family.name]


def test_the_folder_is_small_and_of_the_first_pipeline(family: Family, found: Found) -> None:
    assert found.kind == next(iter(family.pipelines.values()))
    assert SMALLEST < found.stored < LARGEST
    assert found.blocks
    assert min(found.blocks) >= 2  # caches and offloading treat the first block of a list apart


def test_every_task_makes_what_was_asked_for(family: Family, found: Found) -> None:
    assert {task: made.kind for task, made in found.tasks.items()} == family.pipelines
    for task, made in found.tasks.items():
        assert made.varied
        assert made.same
        assert made.other
        assert made.looked == (task != "generate")
        assert made.audio == family.audio
        assert made.frames == (0 if task in family.pictures else family.whole_frames or family.frames)
        if family.area is None:
            assert made.size == family.sides
        else:
            _assert_scaled(made, family, family.area)


def _assert_scaled(made: Made, family: Family, area: int) -> None:
    """As large as the pipeline likes, in the asked proportion, but for what is cut off at a multiple."""
    wanted = (area * family.sides[0] / family.sides[1]) ** 0.5
    assert wanted - family.multiple < made.size[0] <= wanted
    assert wanted * family.sides[1] / family.sides[0] - family.multiple < made.size[1] <= wanted


def test_the_multiple_is_the_smallest(family: Family, found: Found) -> None:
    if family.area is not None:
        return
    assert all(side // family.multiple % 2 == 1 for side in family.sides)
    asked = (family.sides[0] + family.multiple // 2, family.sides[1])
    assert found.tasks[next(iter(family.pipelines))].off_size != asked


def test_arguments_of_the_call(family: Family, found: Found) -> None:
    for made in found.tasks.values():
        assert ("callback_on_step_end" in made.arguments) == family.step_callback
        assert ("negative_prompt" in made.arguments) == family.negative_prompt
        assert family.call.keys() & set(made.arguments) == family.call.keys()
    assert found.negative == family.negative_prompt
    assert set(found.guidance) == set(family.guidance)


def test_latents_of_the_callback(family: Family, found: Found) -> None:
    for made in found.tasks.values():
        if not family.step_callback:
            assert made.latents == ()
            continue
        rows, columns = (side // family.latent_scale for side in reversed(made.size))
        match family.latents:
            case "grid":
                assert made.latents == (1, family.latent_channels, rows, columns)
            case "tokens":
                assert made.latents == (1, rows * columns * family.latent_frames, family.latent_channels)
            case "frames":
                assert made.latents == (1, family.latent_channels, family.latent_frames, rows, columns)
            case "frames_first":
                assert made.latents == (1, family.latent_frames, family.latent_channels, rows, columns)


def test_caches(family: Family, found: Found) -> None:
    assert found.cache == family.cache


def test_a_lora_where_it_is_claimed(family: Family, found: Found) -> None:
    lora = found.lora
    assert bool(lora.refused) != family.lora
    if family.lora:
        assert (lora.changed, lora.zero_same, lora.unloaded_same) == (True, True, True)


def test_all_are_built_in_a_minute(findings: dict[str, Found]) -> None:
    # Measured at a quarter of a second each; the bound tells a tiny model from one that is not, not a fast machine.
    assert sum(found.built for found in findings.values()) < 60


def test_the_table_names_a_builder_for_each_family_and_each_builder() -> None:
    builders = {path.stem for path in Path(__file__).parent.glob("*.py") if "\ndef build()" in path.read_text()}
    assert builders == FAMILIES.keys()
    assert all(find_spec(f"tests.tiny_models.{name}") for name in FAMILIES)


def test_two_builds_are_alike(tmp_path: Path) -> None:
    for number in ("1", "2"):
        done = _ask("z_image", str(tmp_path / number), home=tmp_path)
        assert done.returncode == 0, done.stderr[-4000:]
    files = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes(), file


def test_a_family_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = _ask("no_such_family", str(tmp_path / "made"), home=tmp_path)
    assert done.returncode == 2
    assert "usage" in done.stderr
