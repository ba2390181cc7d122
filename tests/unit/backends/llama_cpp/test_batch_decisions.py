"""Which slot, which memory, which tokens next: the decisions of the batching engine, without an engine."""

from hypothesis import given
from hypothesis import strategies as st

from backends.llama_cpp.worker.batch.placing import LEAST_COPY, Placement, may_settle, place, settle
from backends.llama_cpp.worker.batch.slot import Slot, Work, common_prefix
from backends.llama_cpp.worker.batch.stepping import (
    LEAST_ALONE,
    LEAST_CHUNK,
    STEP_SECONDS,
    Pace,
    Span,
    next_embedding,
    next_step,
)

SYSTEM = list(range(100))
CHAT_A = SYSTEM + [1000 + n for n in range(50)]
CHAT_B = SYSTEM + [2000 + n for n in range(50)]


def slot(index: int, kept: list[int] | None = None, **fields: object) -> Slot:
    return Slot(index=index, kept=list(kept or []), **fields)  # type: ignore[arg-type]


def busy(index: int, kept: list[int], prompt: list[int], **fields: object) -> Slot:
    return slot(index, kept, work=Work(prompt=prompt, order=index), **fields)


def put(slots: list[Slot], prompt: list[int], *, reuse: bool = True, sharing: bool = True) -> Placement | None:
    return place(slots, prompt, reuse=reuse, sharing=sharing)


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_common_prefix_agrees_with_a_plain_loop(one: list[int], other: list[int]) -> None:
    expected = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        expected += 1
    assert common_prefix(one, other) == expected


def test_no_idle_slot_means_wait() -> None:
    assert put([busy(0, [], CHAT_A)], CHAT_B) is None


def test_the_next_turn_of_a_chat_goes_on_in_its_slot() -> None:
    slots = [slot(0, CHAT_B, last_used=9), slot(1, CHAT_A, last_used=1), slot(2)]
    assert put(slots, [*CHAT_A, 5, 6, 7]) == Placement(target=1, source=1, keep=len(CHAT_A))


def test_an_identical_prompt_leaves_one_token_to_compute() -> None:
    assert put([slot(0, CHAT_A)], CHAT_A) == Placement(target=0, source=0, keep=len(CHAT_A) - 1)


def test_another_chat_with_the_same_system_text_copies_it_and_spares_the_original() -> None:
    slots = [slot(0, CHAT_A + list(range(5000, 5400)), last_used=5), slot(1)]
    assert put(slots, CHAT_B) == Placement(target=1, source=0, keep=len(SYSTEM))


def test_without_sharing_the_longest_own_prefix_wins() -> None:
    slots = [slot(0, CHAT_A + list(range(5000, 5400)), last_used=5), slot(1)]
    assert put(slots, CHAT_B, sharing=False) == Placement(target=0, source=0, keep=len(SYSTEM))


def test_memory_of_a_busy_slot_can_be_copied() -> None:
    slots = [busy(0, CHAT_A, CHAT_A, next_token=7), slot(1, [9, 9, 9])]
    assert put(slots, CHAT_B) == Placement(target=1, source=0, keep=len(SYSTEM))


def test_a_prompt_waits_for_a_prefix_that_is_being_computed() -> None:
    slots = [busy(0, SYSTEM[:30], CHAT_A), slot(1)]
    placement = put(slots, CHAT_B)
    assert placement == Placement(target=1, source=0, wait=len(SYSTEM))


def test_who_waits_settles_when_the_prefix_is_there_or_will_not_come() -> None:
    waiting = Work(prompt=CHAT_B, order=1, waits_for=0, waits_until=len(SYSTEM))
    slots = [busy(0, SYSTEM[:99], CHAT_A), slot(1, [7, 7], work=waiting)]
    assert not may_settle(slots, waiting)
    slots[0].kept = CHAT_A[:120]
    assert may_settle(slots, waiting)
    assert settle(slots, slots[1], CHAT_B, sharing=True) == Placement(target=1, source=0, keep=len(SYSTEM))
    slots[0].work, slots[0].kept = None, []
    assert may_settle(slots, waiting)
    assert settle(slots, slots[1], CHAT_B, sharing=True) == Placement(target=1, source=1, keep=0)
    assert not may_settle(slots, Work(prompt=CHAT_A, order=2))


def test_nobody_waits_for_one_who_waits() -> None:
    waiting = Work(prompt=CHAT_A, order=1, waits_for=0, waits_until=50)
    slots = [busy(0, CHAT_A, CHAT_A[:100]), slot(1, [], work=waiting), slot(2)]
    assert put(slots, CHAT_A) == Placement(target=2, source=0, keep=len(CHAT_A) - 1)
    slots[0].kept = []
    slots[0].work = None
    assert put(slots, CHAT_B) == Placement(target=0, source=0)


def test_a_prompt_does_not_wait_for_a_short_gain_or_for_embeddings() -> None:
    short = [busy(0, [], SYSTEM[: LEAST_COPY - 1]), slot(1)]
    assert put(short, CHAT_B) == Placement(target=1, source=1, keep=0)
    embedding = [slot(0, work=Work(prompt=CHAT_A, order=0, embedding=True)), slot(1)]
    assert put(embedding, CHAT_B) == Placement(target=1, source=1, keep=0)


def test_without_reuse_the_slot_unused_for_longest_is_cleared() -> None:
    slots = [slot(0, CHAT_A, last_used=3), slot(1, CHAT_B, last_used=2)]
    assert put(slots, CHAT_A, reuse=False) == Placement(target=1, source=1, keep=0)


def test_a_prompt_of_one_token_reuses_nothing() -> None:
    assert put([slot(0, [5])], [5]) == Placement(target=0, source=0, keep=0)


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 2), max_size=40), st.booleans()), min_size=1, max_size=5),
    st.lists(st.integers(0, 2), min_size=1, max_size=40),
    st.booleans(),
)
def test_a_placement_never_promises_memory_that_is_not_there(
    drawn: list[tuple[list[int], bool]], prompt: list[int], sharing: bool
) -> None:
    slots = [
        busy(index, kept, kept + prompt) if taken else slot(index, kept) for index, (kept, taken) in enumerate(drawn)
    ]
    placement = put(slots, prompt, sharing=sharing)
    if placement is None:
        assert all(taken for _, taken in drawn)
        return
    assert slots[placement.target].work is None
    assert placement.keep < len(prompt)
    if placement.wait == 0:
        assert slots[placement.source].kept[: placement.keep] == prompt[: placement.keep]
    else:
        work = slots[placement.source].work
        assert work is not None
        assert work.prompt[: placement.wait] == prompt[: placement.wait]
    if not sharing:
        assert placement.source == placement.target


def test_a_step_takes_every_generating_slot_and_prompts_in_order_of_arrival() -> None:
    slots = [
        slot(0, [1, 2], work=Work(prompt=[1, 2], order=0), next_token=3),
        slot(1, [1], work=Work(prompt=list(range(10)), order=2)),
        slot(2, [], work=Work(prompt=list(range(20)), order=1)),
        slot(3, [4]),
    ]
    assert next_step(slots, chunk=24, most=512, outputs=32) == [Span(0, 2, 1), Span(2, 0, 20), Span(1, 1, 4)]


def test_a_step_never_exceeds_the_batch() -> None:
    slots = [slot(0, [1], work=Work(prompt=[1], order=0), next_token=3), busy(1, [], list(range(50)))]
    assert next_step(slots, chunk=64, most=8, outputs=32) == [Span(0, 1, 1), Span(1, 0, 7)]


def test_prompts_that_need_every_output_are_cut_to_the_outputs_left() -> None:
    slots = [
        slot(0, [1], work=Work(prompt=[1], order=0), next_token=3),
        slot(1, [], work=Work(prompt=list(range(50)), order=1, every_output=True)),
        busy(2, [], [1, 2, 3]),
    ]
    assert next_step(slots, chunk=64, most=512, outputs=10) == [Span(0, 1, 1), Span(1, 0, 9, every_output=True)]


def test_waiting_and_embedding_prompts_are_not_in_a_step() -> None:
    slots = [
        slot(0, [], work=Work(prompt=[1, 2], order=0, waits_for=1, waits_until=1)),
        slot(1, [], work=Work(prompt=[1, 2], order=1, embedding=True, every_output=True)),
    ]
    assert next_step(slots, chunk=64, most=512, outputs=32) == []
    assert next_embedding(slots, chunk=64, outputs=32) == Span(1, 0, 2, every_output=True)
    assert next_embedding(slots[:1], chunk=64, outputs=32) is None


def test_pace_follows_the_machine_within_its_bounds() -> None:
    pace = Pace(512)
    assert pace.chunk(alone=False) == 64
    for _ in range(50):
        pace.learn(64, 64 * STEP_SECONDS / 200)
    assert 195 <= pace.chunk(alone=False) <= 200
    for _ in range(50):
        pace.learn(64, 60.0)
    assert pace.chunk(alone=False) == LEAST_CHUNK
    assert pace.chunk(alone=True) == LEAST_CHUNK, "a large model on a small machine"
    for _ in range(80):
        pace.learn(64, 1e-6)
    assert pace.chunk(alone=False) == 512
    pace.learn(1, 60.0)
    assert pace.chunk(alone=False) == 512


def test_a_prompt_that_is_alone_is_computed_in_larger_shares_within_their_time() -> None:
    pace = Pace(512)
    for seconds_per_token, share in ((0.01, LEAST_ALONE), (0.05, 80), (0.2, LEAST_CHUNK), (0.0005, 300)):
        for _ in range(60):
            pace.learn(64, 64 * seconds_per_token)
        assert abs(pace.chunk(alone=True) - share) <= 1
        assert pace.chunk(alone=False) <= pace.chunk(alone=True)
