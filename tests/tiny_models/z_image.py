# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Z-Image."""

import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from transformers import Qwen3Config, Qwen3Model

from tests.tiny_models import encoders, text, vaes


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.qwen()
    torch.manual_seed(0)
    transformer = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=16,
        dim=32,
        n_layers=2,
        n_refiner_layers=2,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=encoders.WIDTH,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 64, 64],
    )
    with torch.no_grad():
        # Left as they were in memory by the class: two builds would differ.
        for token in (transformer.x_pad_token, transformer.cap_pad_token):
            token.fill_(0.5)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=encoders.WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=1024,
    )
    torch.manual_seed(3)
    return ZImagePipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vaes.kl(16, scale=0.3611, shift=0.1159),
        text_encoder=Qwen3Model(config).eval(),
        tokenizer=tokenizer,
    )
