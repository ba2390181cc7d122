# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Kolors: a UNet like SDXL's behind a ChatGLM."""

import atexit
import io
import shutil
import tempfile
from pathlib import Path

import sentencepiece
import torch
from diffusers import DiffusionPipeline, EulerDiscreteScheduler, KolorsPipeline
from diffusers.pipelines.kolors import ChatGLMModel, ChatGLMTokenizer
from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

from tests.tiny_models import text, vaes
from tests.tiny_models.stable_diffusion_xl import SIZES, unet

WIDTH = 16
PLACES = 256


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = _tokenizer()
    config = ChatGLMConfig(
        num_layers=2,
        padded_vocab_size=len(tokenizer) + 8,
        hidden_size=WIDTH,
        ffn_hidden_size=24,
        kv_channels=8,
        num_attention_heads=2,
        seq_length=PLACES,
        add_qkv_bias=True,
        original_rope=True,
        rope_ratio=1,
    )
    encoder = ChatGLMModel(config).eval()
    # The class leaves its weights as they were in memory.
    numbers = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in encoder.parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, 0.1, generator=numbers)
            else:
                weight.fill_(1.0)
    return KolorsPipeline(
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=unet(WIDTH, WIDTH, SIZES),
        vae=vaes.kl(4, scale=0.13025, quant=True),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.014,
            beta_schedule="scaled_linear",
            num_train_timesteps=1100,
            steps_offset=1,
            timestep_spacing="leading",
        ),
    )


def _tokenizer() -> ChatGLMTokenizer:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.LINES),
        model_writer=model,
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    # It reads a file, and copies that when it is saved: the file stays as long as the process.
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "tokenizer.model"
    path.write_bytes(model.getvalue())
    return ChatGLMTokenizer(str(path), model_max_length=PLACES)
