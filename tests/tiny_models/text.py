# pyright: basic, reportMissingImports=false
# transformers is not in the environment of the checks
"""Tokenizers made of a few lines of text: byte pairs trained on the spot, no files and no hub. Never a real vocabulary.

Every byte has a token of its own, so that any prompt can be spelt.
"""

import json
from functools import cache

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer, LlamaTokenizer, Qwen2Tokenizer, T5Tokenizer

LINES = (
    "a red apple on a blue table",
    "a small cat sleeps in the sun",
    "a penguin on a white background",
    "the boat near an old stone bridge",
    "two birds above the green forest",
    "portrait of a sailor, oil on canvas",
    "make the sky dark and the moon bright",
    "remove the chair from the picture",
    "blurry, low quality, bad hands",
    "a slow walk along the river at night",
)
QWEN_MARKS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<think>",
    "</think>",
)
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{{ part['text'] if part['type'] == 'text' else '' }}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@cache
def _pairs(suffix: str) -> tuple[tuple[str, str], ...]:
    """Merges of byte pairs, in their order. ``suffix`` marks the end of a word."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=900, show_progress=False, end_of_word_suffix=suffix, initial_alphabet=_alphabet()
    )
    tokenizer.train_from_iterator(LINES, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return tuple((first, second) for first, second in merges)


def _alphabet() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _vocabulary(first: tuple[str, ...], suffix: str = "") -> dict[str, int]:
    letters = _alphabet()
    tokens = [*first, *letters, *([letter + suffix for letter in letters] if suffix else [])]
    tokens += [a + b for a, b in _pairs(suffix)]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


def clip() -> CLIPTokenizer:
    """As in SD, SDXL, SD3, Flux and HiDream: 77 places, ends with its end mark."""
    vocabulary = _vocabulary(("<|startoftext|>", "<|endoftext|>"), "</w>")
    return CLIPTokenizer(vocab=vocabulary, merges=list(_pairs("</w>")), model_max_length=77)


def t5(places: int = 512) -> T5Tokenizer:
    """Pieces with scores, as in T5 and UMT5."""
    words = sorted({"▁" + word for line in LINES for word in line.replace(",", " ").split()})
    letters = ["▁", *(chr(code) for code in range(33, 127))]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(word, -3.0) for word in words if len(word) > 2]
    pieces += [(letter, -8.0) for letter in letters]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=places)


def qwen() -> Qwen2Tokenizer:
    """As in Qwen 2, 2.5 VL and 3, with the marks of chats and pictures."""
    tokenizer = Qwen2Tokenizer(
        vocab=_vocabulary(QWEN_MARKS),
        merges=list(_pairs("")),
        additional_special_tokens=list(QWEN_MARKS[1:8]),
        extra_special_tokens={"image_token": "<|image_pad|>"},
        model_max_length=4096,
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def llama(*marks: str) -> LlamaTokenizer:
    """As in Llama, Mistral and Gemma: every byte by its number. ``marks`` are further special tokens."""
    tokens = ["<unk>", "<s>", "</s>", "<pad>", *marks, *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += ["▁", *(chr(code) for code in range(33, 127))]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = LlamaTokenizer(
        vocab=vocabulary,
        merges=[],
        pad_token="<pad>",
        additional_special_tokens=list(marks),
        model_max_length=4096,
    )
    tokenizer.chat_template = CHAT
    return tokenizer
