# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""HiDream-I1: four text encoders, experts in the transformer's feed-forward layers.

The pipeline scales every size to the area of 128 by 128 latents, so that its autoencoder must not shrink here.
"""

import torch
from diffusers import (
    AutoencoderKL,
    DiffusionPipeline,
    HiDreamImagePipeline,
    HiDreamImageTransformer2DModel,
    UniPCMultistepScheduler,
)
from transformers import LlamaConfig, LlamaForCausalLM

from tests.tiny_models import encoders, text

PLACES = 128
"""Of a prompt, for every encoder."""


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    first, second, third, fourth = text.clip(), text.clip(), text.t5(), text.llama()
    torch.manual_seed(0)
    transformer = HiDreamImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        caption_channels=[encoders.WIDTH, 16],
        text_emb_dim=encoders.WIDTH * 2,
        num_routed_experts=4,
        num_activated_experts=2,
        axes_dims_rope=(4, 2, 2),
        max_resolution=(128, 128),
        llama_layers=[0, 1, 2, 3],
    )
    llama = LlamaConfig(
        vocab_size=len(fourth),
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=PLACES,
        bos_token_id=fourth.bos_token_id,
        eos_token_id=fourth.eos_token_id,
        pad_token_id=fourth.pad_token_id,
    )
    torch.manual_seed(3)
    return HiDreamImagePipeline(
        transformer=transformer.eval(),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        vae=_vae(),
        text_encoder=encoders.clip(first, projected=True, places=PLACES),
        tokenizer=first,
        text_encoder_2=encoders.clip(second, projected=True, places=PLACES),
        tokenizer_2=second,
        text_encoder_3=encoders.t5(third),
        tokenizer_3=third,
        text_encoder_4=LlamaForCausalLM(llama).eval(),
        tokenizer_4=fourth,
    )


def _vae() -> AutoencoderKL:
    torch.manual_seed(4)
    return AutoencoderKL(
        sample_size=32,
        block_out_channels=(4,),
        layers_per_block=1,
        latent_channels=16,
        norm_num_groups=2,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
    ).eval()
