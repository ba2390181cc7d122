"""Makes the checkpoints: random weights, a small tokenizer, a chat template. Runs in vLLM's environment.

Usage: ``python make.py FOLDER < FAMILIES``, the families as JSON. It imports nothing of this project.
"""

import argparse
import glob
import json
import os
import sys
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

_WORDS = 1024
_ROOM = 64
"""Of the vocabulary, for the words of a family."""
_LIBRARY = "[a-d]*.py"


def trained() -> Tokenizer:
    """Byte pairs of Python's own library: a text that is there wherever Python is."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), _LIBRARY)))[:20]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train(texts, trainers.BpeTrainer(vocab_size=_WORDS, initial_alphabet=alphabet, show_progress=False))
    return tokenizer


def make(family: dict, folder: Path, base: Tokenizer) -> None:
    """One checkpoint at ``folder``."""
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(base.to_str()), eos_token=family["end"], pad_token=family["end"]
    )
    # No special tokens: those of tools must stay in the text, for the parser to find them.
    tokenizer.add_tokens([word for word in family["words"] if word != family["end"]])
    if family["template"]:
        tokenizer.chat_template = family["template"]
    end = tokenizer.eos_token_id
    config = transformers.AutoConfig.for_model(family["model_type"], **sized(family["config"], end))
    config.dtype = torch.bfloat16
    config.architectures = [family["architecture"]]
    torch.manual_seed(0)
    model = getattr(transformers, family["weights"] or family["architecture"])(config).to(torch.bfloat16)
    model.generation_config = transformers.GenerationConfig(eos_token_id=end, pad_token_id=end)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if family["pictures"]:
        pictures(family, tokenizer, folder)
    path = folder / "config.json"
    said = json.loads(path.read_text()) | {"architectures": [family["architecture"]]} | family["says"]
    path.write_text(json.dumps(said, indent=1))


def sized(config: dict, end: int) -> dict:
    """With the vocabulary and its last token, in the part that writes text."""
    text = {"vocab_size": _WORDS + _ROOM, "eos_token_id": end, "pad_token_id": end, "bos_token_id": end}
    if "text_config" in config:
        return config | {"text_config": config["text_config"] | text}
    return config | text


def pictures(family: dict, tokenizer: transformers.PreTrainedTokenizerFast, folder: Path) -> None:
    """What turns pictures into patches, and where they stand in the text."""
    image = tokenizer.convert_tokens_to_ids("<image>")
    size = family["config"]["vision_config"]["image_size"]
    processor = {
        "processor_class": "LlavaProcessor",
        "patch_size": family["config"]["vision_config"]["patch_size"],
        "num_additional_image_tokens": 0,
        "vision_feature_select_strategy": "full",
        "image_token": "<image>",
    }
    (folder / "processor_config.json").write_text(json.dumps(processor))
    preprocessor = {
        "image_processor_type": "SiglipImageProcessor",
        "processor_class": "LlavaProcessor",
        "size": {"height": size, "width": size},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    family["says"] |= {"image_token_index": image, "image_token_id": image}


def main() -> None:
    """Every family of the standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    base = trained()
    for family in json.load(sys.stdin):
        make(family, folder / family["name"], base)
        print(family["name"])


if __name__ == "__main__":
    main()
