# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""LTX-2: a clip and its sound at once, from all hidden states of a Gemma."""

from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    LTX2Pipeline,
    LTX2VideoTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors, LTX2Vocoder
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from tests.tiny_models import text

CHANNELS = 128
SOUND_CHANNELS = 8
MEL_BINS = 16
SOUND = SOUND_CHANNELS * MEL_BINS // 4
"""Numbers of a moment of the sound: its channels, and its bins shrunk four times."""
WIDTH = 16
LAYERS = 2


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.llama("<image_soft_token>")
    encoder = _gemma(tokenizer)
    transformer = _transformer()
    torch.manual_seed(4)
    vae = AutoencoderKLLTX2Video(
        latent_channels=CHANNELS,
        block_out_channels=(4, 8, 16, 32),
        decoder_block_out_channels=(8, 16, 32),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1),
        decoder_causal=False,
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )
    return LTX2Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.1),
        vae=vae.eval(),
        text_encoder=encoder,
        tokenizer=tokenizer,
        connectors=_connectors(),
        **_sound(),
    )


def _transformer() -> LTX2VideoTransformer3DModel:
    torch.manual_seed(0)
    return LTX2VideoTransformer3DModel(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        audio_in_channels=SOUND,
        audio_out_channels=SOUND,
        audio_num_attention_heads=2,
        audio_attention_head_dim=8,
        audio_cross_attention_dim=16,
        num_layers=LAYERS,
        caption_channels=WIDTH,
        rope_type="split",
    ).eval()


def _connectors() -> LTX2TextConnectors:
    torch.manual_seed(5)
    return LTX2TextConnectors(
        caption_channels=WIDTH,
        text_proj_in_factor=LAYERS + 1,
        video_connector_num_attention_heads=2,
        video_connector_attention_head_dim=8,
        video_connector_num_layers=2,
        video_connector_num_learnable_registers=16,
        audio_connector_num_attention_heads=2,
        audio_connector_attention_head_dim=8,
        audio_connector_num_layers=2,
        audio_connector_num_learnable_registers=16,
        connector_rope_base_seq_len=64,
        rope_type="split",
    ).eval()


def _sound() -> dict[str, Any]:
    torch.manual_seed(6)
    vae = AutoencoderKLLTX2Audio(
        base_channels=SOUND, ch_mult=(1, 1, 1), num_res_blocks=1, latent_channels=SOUND_CHANNELS, mel_bins=MEL_BINS
    )
    torch.manual_seed(7)
    vocoder = LTX2Vocoder(
        in_channels=2 * MEL_BINS,
        hidden_channels=16,
        upsample_kernel_sizes=[16, 15],
        upsample_factors=[16, 10],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1, 3]],
        output_sampling_rate=16000,
    )
    return {"audio_vae": vae.eval(), "vocoder": vocoder.eval()}


def _gemma(tokenizer: Any) -> Gemma3ForConditionalGeneration:
    config = Gemma3Config(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": WIDTH,
            "intermediate_size": 24,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "max_position_embeddings": 2048,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": WIDTH,
            "intermediate_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 16,
        },
        mm_tokens_per_image=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )
    torch.manual_seed(3)
    return Gemma3ForConditionalGeneration(config).eval()
