# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Kandinsky 3: a UNet of its own and a quantising autoencoder."""

import torch
from diffusers import DDPMScheduler, DiffusionPipeline, Kandinsky3Pipeline, Kandinsky3UNet, VQModel

from tests.tiny_models import encoders, text


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = text.t5()
    torch.manual_seed(0)
    unet = Kandinsky3UNet(
        in_channels=4,
        time_embedding_dim=16,
        groups=2,
        attention_head_dim=4,
        layers_per_block=2,
        block_out_channels=(16, 32),
        cross_attention_dim=16,
        encoder_hid_dim=encoders.WIDTH,
    )
    torch.manual_seed(4)
    movq = VQModel(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 3 + ("AttnDownEncoderBlock2D",),
        up_block_types=("AttnUpDecoderBlock2D",) + ("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        vq_embed_dim=4,
        num_vq_embeddings=16,
        norm_num_groups=8,
        norm_type="spatial",
    )
    return Kandinsky3Pipeline(
        unet=unet.eval(),
        scheduler=DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.02,
            beta_schedule="squaredcos_cap_v2",
            clip_sample=True,
            clip_sample_range=2.0,
        ),
        movq=movq.eval(),
        text_encoder=encoders.t5(tokenizer),
        tokenizer=tokenizer,
    )
