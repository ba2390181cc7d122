# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""The parts of the pipeline, stock classes all: decoder, text encoder, denoiser, tokenizer, scheduler."""

from dataclasses import dataclass

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from tokenizers import AddedToken
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tools.train_emoji.vocabulary import words

_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
TOKENS = 16


@dataclass(frozen=True)
class Recipe:
    """How large, and for how long. Steps are batches; ``each`` pictures of every subject and background are kept."""

    latent_channels: int = 4
    vae_widths: tuple[int, ...] = (16, 32, 64)
    text_width: int = 128
    widths: tuple[int, ...] = (64, 96, 128)
    layers: int = 1
    batch: int = 64
    vae_steps: int = 1400
    steps: int = 6000
    each: int = 2
    learning_rate: float = 1e-3
    seed: int = 7


CPU = Recipe()
GPU = Recipe(batch=256, vae_steps=12000, steps=40000, each=6)


def vae(recipe: Recipe) -> AutoencoderKL:
    """64 x 64 pixels to 16 x 16 latents."""
    count = len(recipe.vae_widths)
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=recipe.latent_channels, sample_size=64,
        block_out_channels=recipe.vae_widths, layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * count, up_block_types=("UpDecoderBlock2D",) * count,
    )  # fmt: skip


def unet(recipe: Recipe) -> UNet2DConditionModel:
    """Denoises 16 x 16 latents: convolutions at that size, words from 8 x 8 on."""
    return UNet2DConditionModel(
        sample_size=16, in_channels=recipe.latent_channels, out_channels=recipe.latent_channels,
        block_out_channels=recipe.widths, layers_per_block=recipe.layers, norm_num_groups=16,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * (len(recipe.widths) - 1)),
        up_block_types=(*("CrossAttnUpBlock2D",) * (len(recipe.widths) - 1), "UpBlock2D"),
        cross_attention_dim=recipe.text_width, attention_head_dim=4, use_linear_projection=True,
    )  # fmt: skip


def text_encoder(recipe: Recipe, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Two layers over words."""
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=recipe.text_width, intermediate_size=2 * recipe.text_width, num_hidden_layers=2,
            num_attention_heads=4, vocab_size=len(tokenizer), max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def tokenizer() -> CLIPTokenizer:
    """Letters, and merges that make every word of the vocabulary one token; other words are spelt."""
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters += [chr(256 + number) for number in range(256 - len(letters))]
    vocabulary = {token: number for number, token in enumerate([*letters, *(f"{each}</w>" for each in letters)])}
    merges: list[tuple[str, str]] = []
    for word in words():
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            joined = parts[0] + parts[1]
            if joined not in vocabulary:
                vocabulary[joined] = len(vocabulary)
                merges.append(pair)
            parts = [joined, *parts[2:]]
    for token in (_BEGIN, _END):
        vocabulary[token] = len(vocabulary)
    made = CLIPTokenizer(
        vocab=vocabulary, merges=merges, bos_token=_BEGIN, eos_token=_END, pad_token=_END, unk_token=_END,
        model_max_length=TOKENS,
    )  # fmt: skip
    # Merges of one word break others apart: those are added whole.
    apart = [word for word in words() if len(made(word).input_ids) > 3]
    made.add_tokens([AddedToken(word, single_word=True, normalized=True) for word in apart])
    return made


def scheduler() -> DDIMScheduler:
    """Ends in pure noise, so that plain backgrounds come out in their own colour."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True,
    )  # fmt: skip
