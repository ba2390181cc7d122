"""Memory of a vLLM server: caches by kind of attention, told in bytes; what its work takes on each card."""

import pytest

from backends.vllm.args import VllmArgs
from backends.vllm.footprint import (
    SHARED_TOKENS,
    Model,
    Sight,
    asleep_bytes,
    cache_bytes,
    cache_terms,
    compute_bytes,
    compute_terms,
    host_bytes,
)
from backends.weights.architecture import Architecture, Attention

PLAIN = Attention(layers=64, kv_heads=8, key=128, value=128)


def model(*attention: Attention, recurrent: int = 0, used: int = 0, sight: Sight | None = None) -> Model:
    shape = Architecture(
        name="x", vocabulary=1000, embedding=100, attention=attention or (PLAIN,), recurrent_bytes=recurrent,
        queries=50, feed=300, experts_used=used,
    )  # fmt: skip
    return Model(architecture=shape, depth=32, sight=sight)


def args(**fields: object) -> VllmArgs:
    given = {"architecture": "X", "context_tokens": 4096, "slots": 1}
    return VllmArgs(**(given | fields))  # type: ignore[arg-type]


def test_a_request_has_keys_and_values_of_every_layer_in_two_bytes() -> None:
    assert cache_bytes(model(), args(), 1) == 64 * 8 * 256 * 2 * 4096
    assert cache_bytes(model(), args(cache_dtype="fp8"), 1) == 64 * 8 * 256 * 4096
    assert cache_bytes(model(), args(cache_dtype="bfloat16"), 1) == cache_bytes(model(), args(), 1)


def test_one_request_is_as_long_as_it_may_be_and_the_others_are_ordinary() -> None:
    token = 64 * 8 * 256 * 2
    assert cache_bytes(model(), args(slots=5), 1) == token * (4096 + 4 * SHARED_TOKENS)
    assert cache_bytes(model(), args(slots=5, context_tokens=512), 1) == token * 5 * 512


@pytest.mark.parametrize(("cards", "copies"), [(1, 1), (2, 1), (8, 1), (16, 2)])
def test_a_card_holds_whole_heads(cards: int, copies: int) -> None:
    assert cache_bytes(model(), args(), cards) == copies * cache_bytes(model(), args(), 1)


def test_stages_do_not_share_heads() -> None:
    assert cache_bytes(model(), args(pipeline=2), 16) == cache_bytes(model(), args(), 1)


def test_every_card_has_the_whole_latent() -> None:
    latent = model(Attention(layers=61, kv_heads=1, key=576, value=0))
    assert cache_bytes(latent, args(), 8) == 8 * 61 * 576 * 2 * 4096
    assert "8 copies" in cache_terms(latent, args(), 8)[0].formula


def test_a_window_keeps_itself_and_two_steps() -> None:
    full = Attention(layers=10, kv_heads=1, key=64, value=64)
    windowed = Attention(layers=52, kv_heads=1, key=64, value=64, window=1024)
    [whole, kept] = cache_terms(model(full, windowed), args(context_tokens=131072, batch_tokens=2048), 1)
    assert whole.bytes == 10 * 128 * 2 * 131072
    # Groups of ten layers, the sixth of them filled up; the window, two steps and a block at the edge, in blocks of 16.
    assert kept.bytes == 60 * 128 * 2 * 5136
    assert kept.label == "KV cache, window of 1024"
    [_, short] = cache_terms(model(full, windowed), args(context_tokens=512, batch_tokens=2048), 1)
    assert short.bytes == 60 * 128 * 2 * 528


def test_a_state_is_there_twice_where_beginnings_are_shared() -> None:
    hybrid = model(PLAIN, recurrent=1000)
    assert cache_terms(hybrid, args(slots=4), 1)[1].bytes == 8000
    assert cache_terms(hybrid, args(slots=4, prefix_caching=False), 1)[1].bytes == 4000


def labels(args: VllmArgs, **fields: object) -> dict[str, int]:
    return {term.label: term.bytes for term in compute_terms(model(**fields), args)}  # type: ignore[arg-type]


def test_work_takes_the_widest_step_the_samplers_rows_and_the_graphs() -> None:
    found = labels(args(batch_tokens=1024, slots=16))
    assert found["activations"] == 1024 * (4 * 100 + 3 * 300) * 2
    assert found["logits"] == 16 * 1000 * 20
    assert found["graphs"] == 7 * 32 * 256 * 1024  # 1, 2, 4, 8, 16, 24, 32
    assert labels(args(), used=8)["activations"] - labels(args())["activations"] == 8192 * 8 * 100 * 2


@pytest.mark.parametrize(("slots", "sizes"), [(1, 2), (64, 19), (256, 51), (1024, 51)])
def test_the_sizes_that_are_recorded_end_at_512(slots: int, sizes: int) -> None:
    assert labels(args(slots=slots))["graphs"] == sizes * 32 * 256 * 1024


def test_eager_engines_record_nothing() -> None:
    assert "graphs" not in labels(args(eager=True))
    assert compute_bytes(model(), args()) == sum(labels(args()).values())


def test_pictures_take_room_where_they_are_read() -> None:
    sight = Sight(patches=10, hidden=8, feed=4)
    assert labels(args(images=3), sight=sight)["pictures"] == 3 * 10 * (64 + 8) * 2
    assert "pictures" not in labels(args(), sight=sight)


def test_asleep_it_keeps_its_context_its_graphs_and_what_joins_it_to_its_neighbours() -> None:
    found = labels(args(slots=16))
    assert asleep_bytes(model(), args(slots=16), 1) == found["device context"] + found["graphs"]
    assert asleep_bytes(model(), args(slots=16), 2) - asleep_bytes(model(), args(slots=16), 1) == 10**9


def test_every_card_has_a_process() -> None:
    assert host_bytes(8) - host_bytes(1) == 7 * (host_bytes(2) - host_bytes(1))
