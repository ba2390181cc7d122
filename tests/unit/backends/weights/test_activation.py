"""Priors of diffusion pipelines: inside the ranges that are known of whole families, and growing with the work."""

from typing import get_args

import pytest

from backends.weights.activation import PRIORS, Family, decode_bytes, denoise_bytes, loaded_bytes

GB = 10**9


def peak(family, width, height, frames=1, *, tiled=False):
    return max(denoise_bytes(family, width, height, frames), decode_bytes(family, width, height, frames, tiled=tiled))


@pytest.mark.parametrize("family", ["sdxl", "sd3", "flux", "qwen_image", "hidream", "pixart", "z_image"])
def test_a_picture_of_one_megapixel_takes_two_to_three_gigabytes(family):
    assert 2 * GB <= peak(family, 1024, 1024) <= 3.2 * GB
    assert decode_bytes(family, 1024, 1024) > denoise_bytes(family, 1024, 1024), "decoding without tiles is the peak"


def test_a_clip_of_81_frames_at_480p_takes_six_to_ten():
    assert 6 * GB <= peak("wan", 832, 480, 81) <= 10 * GB


def test_a_smaller_model_of_the_same_kind_takes_less():
    assert peak("wan_1_3b", 832, 480, 81) < peak("wan", 832, 480, 81) / 2
    assert peak("wan_5b", 1280, 704, 121) < 7 * GB < peak("wan", 1280, 704, 121)


@pytest.mark.parametrize("family", PRIORS)
def test_more_work_takes_more(family):
    small = peak(family, 512, 512, 17)
    assert peak(family, 1024, 512, 17) > small
    assert peak(family, 512, 512, 33) >= small
    assert denoise_bytes(family, 512, 512, images=4) == 4 * denoise_bytes(family, 512, 512)
    assert denoise_bytes(family, 512, 512, frames=0, images=0) == denoise_bytes(family, 512, 512)


@pytest.mark.parametrize("family", PRIORS)
def test_tiles_bound_what_decoding_takes(family):
    assert decode_bytes(family, 2048, 2048, 121, tiled=True) == decode_bytes(family, 512, 512, 16, tiled=True)
    assert decode_bytes(family, 256, 256, tiled=True) == decode_bytes(family, 256, 256)


def test_every_family_has_a_prior():
    assert set(PRIORS) == set(get_args(Family))


def test_weights_by_precision():
    assert [loaded_bytes(100, each) for each in ("bf16", "fp8", "nf4", "stored")] == [100, 50, 28, 100]
