"""What an end says about itself."""

import pytest

from backends.errors import Cause
from backends.process.exit import Exit, exit_of, load_error, says_out_of_memory


@pytest.mark.parametrize(
    ("returncode", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal SIGKILL"), (-11, "signal SIGSEGV"), (-63, "signal 63")],
)
def test_words(returncode: int, words: str):
    assert exit_of(returncode, tail="", stopped=False).words == words


@pytest.mark.parametrize("returncode", [0, 1, -9, -15])
def test_any_end_nobody_asked_for_is_a_crash(returncode: int):
    assert exit_of(returncode, tail="", stopped=False).crashed
    assert not exit_of(returncode, tail="", stopped=True).crashed


@pytest.mark.parametrize(
    ("returncode", "tail", "cause"),
    [
        (-9, "", Cause.OUT_OF_MEMORY),
        (137, "", Cause.OUT_OF_MEMORY),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", Cause.OUT_OF_MEMORY),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", Cause.OUT_OF_MEMORY),
        (1, "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 9", Cause.OUT_OF_MEMORY),
        (1, "vk::Device::allocateMemory: ErrorOutOfDeviceMemory", Cause.OUT_OF_MEMORY),
        (1, "no such file", Cause.LOAD_FAILED),
        (0, "", Cause.LOAD_FAILED),
        (-11, "memory map ok", Cause.LOAD_FAILED),
    ],
)
def test_the_cause_of_a_failed_load(returncode: int, tail: str, cause: Cause):
    error = load_error(exit_of(returncode, tail=tail, stopped=False))
    assert error.cause is cause
    assert tail in error.private
    assert not tail or tail not in error.detail


def test_our_own_kill_is_no_lack_of_memory():
    assert not Exit(code=None, signal=9, stopped=True).out_of_memory


def test_ordinary_talk_of_memory_is_not_a_failure():
    assert not says_out_of_memory("llama_kv_cache: size = 180 MiB; memory breakdown follows")
