"""What an end says about itself."""

import pytest

from backends.errors import Cause
from backends.process.exit import Exit, exit_of, load_error, says_out_of_memory, telling_line


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
        (1, "ValueError: No available memory for the cache blocks. Try increasing", Cause.OUT_OF_MEMORY),
        (1, "ValueError: Free memory on device cuda:0 (3.1/79.1 GiB) on startup is less than", Cause.OUT_OF_MEMORY),
        (1, "AssertionError: Error in memory profiling. Initial free memory 70.1", Cause.OUT_OF_MEMORY),
        (0, "ValueError: Available memory on node 0 (1/8 GiB) on startup is less than desired", Cause.OUT_OF_MEMORY),
        (1, "allocation is less than requested memory for kv (4.0 GiB)", Cause.OUT_OF_MEMORY),
        (1, "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 9 GiB", Cause.OUT_OF_MEMORY),
        (1, "RuntimeError: The NVIDIA driver on your system is too old (found version 12020)", Cause.LOAD_FAILED),
        (1, "ValueError: Model architectures ['Nobody'] are not supported for now", Cause.LOAD_FAILED),
        (1, "OSError: [Errno 98] Address already in use", Cause.LOAD_FAILED),
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
    assert not says_out_of_memory("INFO Free memory on device (78.4/79.1 GiB) on startup. Desired GPU memory is 0.5")


def test_the_root_cause_comes_last_not_what_was_raised_because_of_it():
    tail = """\
(EngineCore pid=9) ERROR 11-29 16:00:00 [core.py:902] ValueError: Model architectures ['X'] are not supported for now.
(EngineCore pid=9) INFO shutting down
(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
(APIServer pid=7) bye"""
    assert telling_line(tail) == "ValueError: Model architectures ['X'] are not supported for now."
    private = load_error(exit_of(1, tail=tail, stopped=False)).private
    assert private.startswith("exit code 1\n")
    assert private.endswith("\nValueError: Model architectures ['X'] are not supported for now.")


@pytest.mark.parametrize("text", ["", "all is well", "Error: ", "no error: none", "TypeError: "])
def test_a_log_without_an_exception_has_no_telling_line(text: str):
    assert telling_line(text) == ""
    assert load_error(exit_of(1, tail=text, stopped=False)).private == f"exit code 1\n{text}".strip("\n")


def test_an_exception_of_a_library_is_told_with_its_name():
    assert telling_line("torch.AcceleratorError: CUDA error: no kernel image\nbye").startswith("torch.AcceleratorError")
