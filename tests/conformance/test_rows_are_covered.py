"""No profile names pipelines that the conformance tests do not run together; every open row has a profile."""

import pytest

from backends.diffusers.args import DiffusersArgs
from gateway.catalog.load import load
from gateway.catalog.profile import ModelProfile
from gateway.settings import default_profiles_dir
from tests.tiny_models.families import FAMILIES
from tests.tiny_models.family import Family

ROWS = {
    "Qwen-Image", "Flux 2 Dev", "Flux 1 Dev", "Flux 1 Schnell", "HiDream-I1 Full", "Wan 2.2 14B (1-frame)",
    "SD 3.5 Large", "SDXL", "SD 3.5 Medium", "Kolors", "PixArt-Sigma", "Kandinsky 3", "AuraFlow",
    "Stable Diffusion 1.5", "Z-Image Turbo", "Qwen Image Edit",
    "Wan 2.2 14B", "Wan 2.1", "FramePack", "HunyuanVideo", "LTX-2", "CogVideoX-5B", "Mochi 1", "Allegro", "LTX Video",
    "AnimateDiff",
}  # fmt: skip
IN_NO_LIBRARY = {"Open-Sora", "Pyramid Flow"}
OURS = {("generate", "StableDiffusionMorphPipeline")}
"""Run on the weights that come with Forebay: tests/integration/test_emoji_clip.py."""
catalog = load(default_profiles_dir()).catalog
assert catalog is not None
PROFILES = catalog.profiles
PICTURES = {p.id: p for p in PROFILES.values() if any(isinstance(v.engine, DiffusersArgs) for v in p.variants)}
CLIPS = {name: profile for name, profile in PICTURES.items() if profile.clip is not None}
FILES = {"test_image_rows.py": False, "test_clip_rows.py": True}


def families_of(engine: DiffusersArgs) -> list[Family]:
    """Tiny weights from which all classes of a variant run: they share them, so one class at a time proves nothing."""
    wanted = set(engine.pipelines.items())
    return [each for each in FAMILIES.values() if wanted <= set(each.pipelines.items())]


def test_every_open_row_has_one_profile() -> None:
    rows = [row for profile in PICTURES.values() for row in profile.catalog_rows]
    assert set(rows) >= ROWS
    assert len(rows) == len(set(rows))


def test_what_is_in_no_library_is_told_so() -> None:
    told = {row: p for p in PROFILES.values() for row in p.catalog_rows if row in IN_NO_LIBRARY}
    assert told.keys() == IN_NO_LIBRARY
    assert all(p.why_not and not p.variants for p in told.values())


@pytest.mark.parametrize("profile", PICTURES.values(), ids=PICTURES)
def test_all_classes_of_a_variant_are_run_on_the_same_weights(profile: ModelProfile) -> None:
    for variant in profile.variants:
        assert isinstance(variant.engine, DiffusersArgs)
        named = set(variant.engine.pipelines.items())
        assert named <= OURS or families_of(variant.engine), f"{profile.id}:{variant.name}: {named}"


@pytest.mark.parametrize("profile", CLIPS.values(), ids=CLIPS)
def test_a_clip_is_asked_for_as_the_tests_ask(profile: ModelProfile) -> None:
    """Arguments without which a class fails, tiles, sides, numbers of pictures and sound."""
    clip, picture = profile.clip, profile.picture
    assert clip is not None
    assert picture is not None
    for variant in profile.variants:
        assert isinstance(variant.engine, DiffusersArgs)
        if set(variant.engine.pipelines.items()) <= OURS:
            continue
        found = families_of(variant.engine)
        assert any(_alike(family, variant.engine, profile) for family in found), f"{profile.id}:{variant.name}"


def _alike(family: Family, engine: DiffusersArgs, profile: ModelProfile) -> bool:
    clip, picture = profile.clip, profile.picture
    assert clip is not None
    assert picture is not None
    frames = family.whole_frames or family.frames or 1
    step = clip.every if "latent_window_size" not in engine.call else 4 * _window(family)
    return (
        family.call.keys() <= engine.call.keys()
        and engine.vae_tiling >= family.tiled
        and picture.multiple == family.multiple
        and clip.sound == family.audio
        and (clip.least_frames == clip.most_frames or (frames - clip.plus) % step == 0)
    )


def _window(family: Family) -> int:
    """Latent pictures of a section: each is four that are seen."""
    window = family.call["latent_window_size"]
    assert isinstance(window, int)
    return window


@pytest.mark.parametrize("profile", PICTURES.values(), ids=PICTURES)
def test_a_profile_names_the_test_that_runs_it(profile: ModelProfile) -> None:
    named = [of_clips for file, of_clips in FILES.items() if profile.verified_by and file in profile.verified_by]
    assert named in ([], [profile.id in CLIPS])
