# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""HunyuanVideo, picture to video: a Llava reads text and picture, the first latent frame is the picture's own."""

import re

import torch
from diffusers import DiffusionPipeline, HunyuanVideoImageToVideoPipeline, HunyuanVideoTransformer3DModel
from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video_image2video import DEFAULT_PROMPT_TEMPLATE
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from tests.tiny_models import hunyuan_video, text

MARKS = ("<pad>", "<unk>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>")
PATCH = 2
SIDE = PATCH * 24
"""The pipeline counts on 24 x 24 tokens of a picture."""
WIDTH = hunyuan_video.WIDTH


def build() -> DiffusionPipeline:
    """Random weights, the same every time."""
    tokenizer = words()
    torch.manual_seed(0)
    transformer = HunyuanVideoTransformer3DModel(
        **hunyuan_video.SHAPE, guidance_embeds=True, image_condition_type="token_replace"
    )
    reader = {"text_encoder": llava(tokenizer), "tokenizer": tokenizer}
    return HunyuanVideoImageToVideoPipeline(
        **(hunyuan_video.parts() | reader),
        transformer=transformer.eval(),
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}),
    )


def words() -> PreTrainedTokenizerFast:
    """One token a word: the pipeline's template would not fit otherwise, and the prompt comes after it."""
    known = {word for line in (DEFAULT_PROMPT_TEMPLATE["template"], *text.LINES) for word in re.findall(r"\w+", line)}
    vocabulary = {token: number for number, token in enumerate((*MARKS, *sorted(known | set(".,:{}"))))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in MARKS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", bos_token="<|begin_of_text|>"
    )


def llava(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """Two small transformers and what joins them."""
    number = tokenizer.convert_tokens_to_ids
    reads = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=number("<|eot_id|>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    sees = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=PATCH,
    )
    config = LlavaConfig(
        text_config=reads, vision_config=sees, image_token_index=number("<image>"), pad_token_id=number("<pad>")
    )
    torch.manual_seed(3)
    return LlavaForConditionalGeneration(config).eval()
