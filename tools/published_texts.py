"""Language models by profile, from ``config.json`` in the maker's repository. Data only."""

from backends.vllm.footprint import Sight
from tools.published import Eyes, Latent, Published

_SIGLIP = Sight(patches=4096, hidden=1152, feed=4304)
_PIXTRAL = Sight(patches=12100, hidden=1024, feed=4096)
_LLAMA_4 = Sight(patches=17 * 577, hidden=1408, feed=5632)


def _gemma3(layers: int, hidden: int, heads: int, kv_heads: int, head: int, feed: int, window: int) -> Published:
    # The smallest reads text only. The others have one tower, and a matrix that joins it.
    eyes = Eyes(parameters=416_866_032 + 1152 * hidden, sight=_SIGLIP) if layers > 26 else None
    return Published(
        vocabulary=262144, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, head=head, feed=feed,
        tied=True, norms=4, query_norms=True, window=window, full_every=6,
        eyes=eyes,
    )  # fmt: skip


_PIXTRAL_EYES = Eyes(parameters=439_000_000, sight=_PIXTRAL)
"""The tower of Mistral Small: 24 layers of 1024 with a gate, pictures of 1540 pixels in patches of 14."""
_LLAMA_4_EYES = Eyes(parameters=870_000_000, sight=_LLAMA_4)
"""34 layers of 1408; a picture is 16 tiles and itself, each of 576 patches and one."""


def _llama4(experts: int, dense: int) -> Published:
    return Published(
        vocabulary=202048, hidden=5120, layers=48, heads=40, kv_heads=8, head=128, feed=16384 if dense else 0,
        dense=dense, experts=experts, used=1, expert_feed=8192, shared_feed=8192, window=8192, full_every=4,
        eyes=_LLAMA_4_EYES,
    )  # fmt: skip


def _deepseek3(vocabulary: int, heads: int, experts: int, dense: int, extra: int) -> Published:
    return Published(
        vocabulary=vocabulary, hidden=7168, layers=61, heads=heads, kv_heads=heads, head=192, feed=18432, dense=dense,
        experts=experts, used=8, expert_feed=2048, shared_feed=2048, extra=extra, latent=Latent(),
    )  # fmt: skip


def _codellama(hidden: int, layers: int, heads: int, kv_heads: int, feed: int, vocabulary: int = 32016) -> Published:
    return Published(
        vocabulary=vocabulary, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, head=128, feed=feed
    )


def _starcoder2(hidden: int, layers: int, heads: int, kv_heads: int, feed: int, *, tied: bool) -> Published:
    return Published(
        vocabulary=49152, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, head=128, feed=feed,
        gated=False, biases=True, tied=tied,
    )  # fmt: skip


_QWEN_30B = Published(
    vocabulary=151936, hidden=2048, layers=48, heads=32, kv_heads=4, head=128, query_norms=True,
    experts=128, used=8, expert_feed=768,
)  # fmt: skip
_QWEN_235B = Published(
    vocabulary=151936, hidden=4096, layers=94, heads=64, kv_heads=4, head=128, query_norms=True,
    experts=128, used=8, expert_feed=1536,
)  # fmt: skip
_GLM_355B = Published(
    vocabulary=151552, hidden=5120, layers=92, heads=96, kv_heads=8, head=128, feed=12288, biases=True,
    query_norms=True, experts=160, used=8, expert_feed=1536, shared_feed=1536, dense=3, extra=1,
)  # fmt: skip

MODELS = {
    "smollm2-135m": Published(
        vocabulary=49152, hidden=576, layers=30, heads=9, kv_heads=3, head=64, feed=1536, tied=True
    ),
    "qwen3-30b-a3b": _QWEN_30B,
    "qwen3-30b-a3b-instruct-2507": _QWEN_30B,
    "qwen3-30b-a3b-thinking-2507": _QWEN_30B,
    "qwen3-32b": Published(
        vocabulary=151936, hidden=5120, layers=64, heads=64, kv_heads=8, head=128, feed=25600, query_norms=True
    ),
    "qwen3-coder-next": Published(
        vocabulary=151936, hidden=2048, layers=48, heads=16, kv_heads=2, head=256, gated_query=True,
        experts=512, used=10, expert_feed=512, shared_feed=512, full_every=4,
        linear=((2048, 12288), (2048, 64), (4096, 2048)), state=(32 * 128 * 128 + 3 * 8192) * 4,
    ),
    "phi-4": Published(
        vocabulary=100352, hidden=5120, layers=40, heads=40, kv_heads=10, head=128, feed=17920, fused=True
    ),
    "gemma-3-1b": _gemma3(26, 1152, 4, 1, 256, 6912, 512),
    "gemma-3-4b": _gemma3(34, 2560, 8, 4, 256, 10240, 1024),
    "gemma-3-12b": _gemma3(48, 3840, 16, 8, 256, 15360, 1024),
    "gemma-3-27b": _gemma3(62, 5376, 32, 16, 128, 21504, 1024),
    "mistral-small": Published(
        vocabulary=131072, hidden=5120, layers=40, heads=32, kv_heads=8, head=128, feed=32768,
        eyes=_PIXTRAL_EYES,
    ),
    "mistral-nemo": Published(
        vocabulary=131072, hidden=5120, layers=40, heads=32, kv_heads=8, head=128, feed=14336
    ),
    "command-r": Published(
        vocabulary=256000, hidden=8192, layers=40, heads=64, kv_heads=8, head=128, feed=24576, tied=True, norms=1
    ),
    "internlm-3-8b": Published(
        vocabulary=128512, hidden=4096, layers=48, heads=32, kv_heads=2, head=128, feed=10240
    ),
    "starcoder-2-3b": _starcoder2(3072, 30, 24, 2, 12288, tied=True),
    "starcoder-2-7b": _starcoder2(4608, 32, 36, 4, 18432, tied=True),
    "starcoder-2-15b": _starcoder2(6144, 40, 48, 4, 24576, tied=False),
    "qwen3-235b-a22b": _QWEN_235B,
    "qwen3-235b-a22b-instruct-2507": _QWEN_235B,
    "qwen3-235b-a22b-thinking-2507": _QWEN_235B,
    "llama-4-scout": _llama4(experts=16, dense=0),
    "llama-4-maverick": _llama4(experts=128, dense=24),
    "command-r-plus": Published(
        vocabulary=256000, hidden=12288, layers=64, heads=96, kv_heads=8, head=128, feed=33792, tied=True, norms=1,
        query_norms=True,
    ),
    "deepseek-v3.1": _deepseek3(129280, heads=128, experts=256, dense=3, extra=1),
    "deepseek-r1": _deepseek3(129280, heads=128, experts=256, dense=3, extra=1),
    "kimi-k2": _deepseek3(163840, heads=64, experts=384, dense=1, extra=0),
    "kimi-k2-thinking": _deepseek3(163840, heads=64, experts=384, dense=1, extra=0),
    "minimax-m2.1": Published(
        vocabulary=200064, hidden=3072, layers=62, heads=48, kv_heads=8, head=128, query_norms=True,
        experts=256, used=8, expert_feed=1536,
    ),
    "glm-4.5": _GLM_355B,
    "glm-4.6": _GLM_355B,
    "glm-4-9b": Published(
        vocabulary=151552, hidden=4096, layers=40, heads=32, kv_heads=2, head=128, feed=13696, norms=4, biases=True
    ),
    "yi-1.5-34b": Published(
        vocabulary=64000, hidden=7168, layers=60, heads=56, kv_heads=8, head=128, feed=20480
    ),
    "codellama-7b": _codellama(4096, 32, 32, 32, 11008),
    "codellama-13b": _codellama(5120, 40, 40, 40, 13824),
    "codellama-34b": _codellama(8192, 48, 64, 8, 22016, vocabulary=32000),
    "codellama-70b": _codellama(8192, 80, 64, 8, 28672),
    "joycaption": Published(
        vocabulary=128256, hidden=4096, layers=32, heads=32, kv_heads=8, head=128, feed=14336,
        eyes=Eyes(parameters=450_000_000, sight=Sight(patches=729, hidden=1152, feed=4304)),
    ),
    "glm-4.5-air": Published(
        vocabulary=151552, hidden=4096, layers=46, heads=96, kv_heads=8, head=128, feed=10944, biases=True,
        experts=128, used=8, expert_feed=1408, shared_feed=1408, dense=1, extra=1,
    ),
}  # fmt: skip
