"""The sums behind a footprint: what is on the card and what in host RAM, by offload plan and by request."""

import pytest

from backends.external.args import ExternalArgs
from backends.weights.activation import CONTEXT_BYTES, GROUP_BYTES, decode_bytes, denoise_bytes
from backends.weights.term import Term, total
from gateway.catalog.profile import Activation, Component, Footprint, Variant
from gateway.scheduling.arithmetic import declared, diffusion
from gateway.scheduling.demand import Demand

GB = 10**9
PARTS = (
    Component(name="transformer", bytes=24 * GB, precision="fp8"),
    Component(name="text", bytes=10 * GB, precision="bf16"),
    Component(name="vae", bytes=GB),
)


def terms(activation: Activation, demand: Demand | None = None, *, weights: int = 0, host: int = 0) -> tuple[Term, ...]:
    footprint = Footprint(weights_bytes=weights, host_bytes=host, activation=activation)
    variant = Variant(name="x", engine=ExternalArgs(command=("serve",)), footprint=footprint)
    return diffusion(variant, activation, demand or Demand())


def activations(found: tuple[Term, ...]) -> Term:
    return next(term for term in found if term.label == "activations")


def test_the_profiles_own_figures_are_all_terms():
    footprint = Footprint(weights_bytes=100, kv_bytes=20, compute_bytes=3, host_bytes=4)
    assert [(term.label, term.bytes, term.on_host) for term in declared(footprint)] == [
        ("weights", 100, False),
        ("KV cache", 20, False),
        ("scratch", 3, False),
        ("host RAM", 4, True),
    ]
    assert declared(Footprint(weights_bytes=0)) == ()


@pytest.mark.parametrize(
    ("offload", "held", "on_host"),
    [("none", 12 * GB + 10 * GB + GB, 0), ("model", 12 * GB, 23 * GB), ("group", GROUP_BYTES, 23 * GB)],
)
def test_an_offload_plan_says_where_the_parts_are(offload, held, on_host):
    found = terms(Activation(family="flux", components=PARTS, offload=offload))
    assert total(found) == held + CONTEXT_BYTES + decode_bytes("flux", 1024, 1024)
    assert total(found, on_host=True) == on_host


def test_without_parts_the_weights_are_one():
    found = terms(Activation(family="sdxl"), weights=7 * GB, host=5)
    assert found[0] == Term("weights", "as stored", 7 * GB)
    assert found[-1] == Term("host RAM", "as the profile says", 5, on_host=True)


def test_activations_are_those_of_the_request_or_of_the_largest_usual_one():
    wan = Activation(family="wan", width=832, height=480, frames=81, tiled=True)
    usual = activations(terms(wan))
    assert usual.bytes == denoise_bytes("wan", 832, 480, 81)
    assert usual.formula == "wan at 832x480, 81 frames, most while denoising"
    assert activations(terms(wan, Demand(width=1280, height=720, frames=33))).bytes == denoise_bytes(
        "wan", 1280, 720, 33
    )
    batch = activations(terms(Activation(family="flux"), Demand(width=1024, height=1024, images=8)))
    assert batch.bytes == denoise_bytes("flux", 1024, 1024, images=8)
    tiled = activations(terms(Activation(family="sd", tiled=True)))
    assert (tiled.bytes, tiled.formula) == (
        decode_bytes("sd", 512, 512),
        "sd at 1024x1024, most while decoding in tiles",
    )
    assert activations(terms(Activation(family="sd"), Demand(images=2))).formula.startswith("sd at 1024x1024 x 2,")
