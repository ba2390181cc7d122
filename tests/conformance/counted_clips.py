# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Prints the parameters of the parts of video pipelines as JSON: built without memory, in the engine's environment.

Numbers here are the makers' published sizes; what is not named is the library's default, made for the same model.
"""

from collections.abc import Callable

import diffusers as d
import msgspec
import torch
import transformers as t
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder

WAN = {"num_attention_heads": 40, "attention_head_dim": 128, "ffn_dim": 13824, "num_layers": 40}
SMALL = {"num_attention_heads": 12, "attention_head_dim": 128, "ffn_dim": 8960, "num_layers": 30}
MIDDLE = {"num_attention_heads": 24, "attention_head_dim": 128, "ffn_dim": 14336, "num_layers": 30}
MIDDLE_VAE = {"base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "is_residual": True, "patch_size": 2}
T5 = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "feed_forward_proj": "gated-gelu"}
CLIP = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
COG = {"num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True}
COG_VAE = {"block_out_channels": (128, 256, 256, 512), "layers_per_block": 3, "latent_channels": 16}
PICTURE = 16 + 4
"""Channels that a picture adds to Wan's noise."""


def seen(kind: str, width: int, feed: int, layers: int, side: int) -> t.PretrainedConfig:
    """A transformer that sees pictures in squares of 14."""
    return getattr(t, kind)(
        hidden_size=width,
        intermediate_size=feed,
        num_hidden_layers=layers,
        num_attention_heads=16,
        image_size=side,
        patch_size=14,
    )


def llama() -> t.LlamaConfig:
    return t.LlamaConfig(
        vocab_size=128320,
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )


def llava() -> t.LlavaConfig:
    return t.LlavaConfig(text_config=llama(), vision_config=seen("CLIPVisionConfig", 1024, 4096, 24, 336))


def gemma() -> t.Gemma3Config:
    reads = {"hidden_size": 3840, "intermediate_size": 15360, "num_hidden_layers": 48, "num_attention_heads": 16}
    return t.Gemma3Config(
        text_config=reads | {"vocab_size": 262208, "num_key_value_heads": 8, "head_dim": 256},
        vision_config=seen("SiglipVisionConfig", 1152, 4304, 27, 896),
    )


PARTS: dict[str, Callable[[], torch.nn.Module]] = {
    "t5": lambda: t.T5EncoderModel(t.T5Config(vocab_size=32128, **T5)),
    "umt5": lambda: t.UMT5EncoderModel(t.UMT5Config(vocab_size=256384, **T5)),
    "clip": lambda: t.CLIPTextModel(t.CLIPTextConfig(vocab_size=49408, **CLIP)),
    "llama": lambda: t.LlamaModel(llama()),
    "llava": lambda: t.LlavaForConditionalGeneration(llava()),
    "wan": lambda: d.WanTransformer3DModel(**WAN, in_channels=16, out_channels=16),
    "wan_i2v": lambda: d.WanTransformer3DModel(**WAN, in_channels=16 + PICTURE, out_channels=16),
    "wan21_i2v": lambda: d.WanTransformer3DModel(
        **WAN, in_channels=16 + PICTURE, out_channels=16, image_dim=1280, added_kv_proj_dim=5120
    ),
    "wan_small": lambda: d.WanTransformer3DModel(**SMALL, in_channels=16, out_channels=16),
    "wan_middle": lambda: d.WanTransformer3DModel(**MIDDLE, in_channels=48, out_channels=48),
    "wan_eyes": lambda: t.CLIPVisionModel(seen("CLIPVisionConfig", 1280, 5120, 32, 224)),
    "wan_vae": d.AutoencoderKLWan,
    "wan_middle_vae": lambda: d.AutoencoderKLWan(**MIDDLE_VAE, in_channels=12, out_channels=12),
    "hunyuan": d.HunyuanVideoTransformer3DModel,
    "hunyuan_i2v": lambda: d.HunyuanVideoTransformer3DModel(image_condition_type="token_replace"),
    "hunyuan_vae": d.AutoencoderKLHunyuanVideo,
    "framepack": lambda: d.HunyuanVideoFramepackTransformer3DModel(has_image_proj=True, has_clean_x_embedder=True),
    "framepack_eyes": lambda: t.SiglipVisionModel(seen("SiglipVisionConfig", 1152, 4304, 27, 384)),
    "ltx2": d.LTX2VideoTransformer3DModel,
    "ltx2_vae": d.AutoencoderKLLTX2Video,
    "ltx2_audio_vae": d.AutoencoderKLLTX2Audio,
    "ltx2_connectors": LTX2TextConnectors,
    "ltx2_vocoder": LTX2Vocoder,
    "gemma": lambda: t.Gemma3ForConditionalGeneration(gemma()),
    "ltx": d.LTXVideoTransformer3DModel,
    "ltx_vae": d.AutoencoderKLLTXVideo,
    "cogvideox": lambda: d.CogVideoXTransformer3DModel(**COG),
    "cogvideox_i2v": lambda: d.CogVideoXTransformer3DModel(
        **COG, in_channels=32, use_learned_positional_embeddings=True
    ),
    "cogvideox_vae": lambda: d.AutoencoderKLCogVideoX(**COG_VAE),
    "mochi": d.MochiTransformer3DModel,
    "mochi_vae": d.AutoencoderKLMochi,
    "allegro": d.AllegroTransformer3DModel,
    "allegro_vae": d.AutoencoderKLAllegro,
    "motion": lambda: d.MotionAdapter(motion_max_seq_length=32),
}


def counted(build: Callable[[], torch.nn.Module]) -> int:
    """Parameters, and a table of positions that was learned: it is in the file too."""
    with torch.device("meta"):
        part = build()
    tables = [each for name, each in part.named_buffers() if name == "patch_embed.pos_embedding"]
    learned = getattr(getattr(part, "config", None), "use_learned_positional_embeddings", False)
    return sum(each.numel() for each in part.parameters()) + sum(each.numel() for each in tables if learned)


if __name__ == "__main__":
    print(msgspec.json.encode({name: counted(build) for name, build in PARTS.items()}).decode())
