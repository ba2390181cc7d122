"""No profile names a pipeline that the conformance tests do not run; every open row of the comparison has a profile."""

import pytest

from backends.diffusers.args import DiffusersArgs
from gateway.catalog.load import load
from gateway.catalog.profile import ModelProfile
from gateway.settings import default_profiles_dir
from tests.tiny_models.families import FAMILIES

ROWS = {
    "Qwen-Image", "Flux 2 Dev", "Flux 1 Dev", "Flux 1 Schnell", "HiDream-I1 Full", "Wan 2.2 14B (1-frame)",
    "SD 3.5 Large", "SDXL", "SD 3.5 Medium", "Kolors", "PixArt-Sigma", "Kandinsky 3", "AuraFlow",
    "Stable Diffusion 1.5", "Z-Image Turbo", "Qwen Image Edit",
    "Wan 2.2 14B", "Wan 2.1", "FramePack", "HunyuanVideo", "LTX-2", "CogVideoX-5B", "Mochi 1", "Allegro", "LTX Video",
    "AnimateDiff",
}  # fmt: skip
OURS = {("generate", "StableDiffusionMorphPipeline")}
"""Run on the weights that come with Forebay: tests/integration/test_emoji_clip.py."""
RUN = OURS | {(task, name) for family in FAMILIES.values() for task, name in family.pipelines.items()}
catalog = load(default_profiles_dir()).catalog
assert catalog is not None
PICTURES = {p.id: p for p in catalog.profiles.values() if any(isinstance(v.engine, DiffusersArgs) for v in p.variants)}


def test_every_open_row_has_a_profile() -> None:
    assert {row for profile in PICTURES.values() for row in profile.catalog_rows} >= ROWS


@pytest.mark.parametrize("profile", PICTURES.values(), ids=PICTURES)
def test_every_class_of_a_profile_is_run(profile: ModelProfile) -> None:
    for variant in profile.variants:
        assert isinstance(variant.engine, DiffusersArgs)
        named = set(variant.engine.pipelines.items())
        assert named <= RUN, f"{profile.id}:{variant.name}: {named - RUN}"
