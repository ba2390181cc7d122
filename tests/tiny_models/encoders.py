# pyright: basic, reportMissingImports=false
# torch and transformers are not in the environment of the checks
"""Text encoders of random weights: two layers, a few thousand parameters. Never pretrained ones."""

import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

WIDTH = 32
"""Of the hidden states that every encoder here gives."""
PATCH = 56
"""Side of the squares, in pixels, in which pictures are read: large, as the pipelines scale them up first."""


def clip(tokenizer: CLIPTokenizer, *, projected: bool = False, places: int = 77) -> torch.nn.Module:
    """``projected``: the pooled state is projected too (the second encoder of SDXL, both of SD3)."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        hidden_act="gelu",
        projection_dim=WIDTH,
        max_position_embeddings=places,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(1)
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def t5(tokenizer: T5Tokenizer, *, width: int = WIDTH) -> T5EncoderModel:
    """Gives hidden states ``width`` wide."""
    torch.manual_seed(2)
    return T5EncoderModel(T5Config(**_t5_shape(tokenizer, width))).eval()


def umt5(tokenizer: T5Tokenizer) -> UMT5EncoderModel:
    """As in Wan and AuraFlow: every layer has its own position bias."""
    torch.manual_seed(2)
    return UMT5EncoderModel(UMT5Config(**_t5_shape(tokenizer, WIDTH))).eval()


def _t5_shape(tokenizer: T5Tokenizer, width: int) -> dict[str, int | str]:
    return {
        "vocab_size": len(tokenizer),
        "d_model": width,
        "d_ff": 37,
        "d_kv": 8,
        "num_heads": 4,
        "num_layers": 2,
        "relative_attention_num_buckets": 8,
        "feed_forward_proj": "gated-gelu",
        "pad_token_id": 0,
        "eos_token_id": 1,
    }


def qwen_vl(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    """Reads text and pictures, as Qwen-Image's does."""
    number = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "rope_scaling": {"mrope_section": [2, 3, 3], "rope_type": "default", "type": "default"},
            "rope_theta": 1000000.0,
            "bos_token_id": None,
            "eos_token_id": number("<|im_end|>"),
            "pad_token_id": number("<|endoftext|>"),
        },
        vision_config={
            "depth": 2,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": WIDTH,
            "patch_size": PATCH,
            "window_size": PATCH * 8,
            "fullatt_block_indexes": [1],
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )
    torch.manual_seed(3)
    return Qwen2_5_VLForConditionalGeneration(config).eval()
