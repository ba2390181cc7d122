# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""``python -m tests.tiny_models FAMILY FOLDER``: writes a pipeline of random weights. Runs where the engine does.

``--list`` names the families, ``--lora FAMILY FOLDER`` writes an adapter, ``--gguf FAMILY FOLDER`` the denoiser in one
file, ``--check FOLDER FAMILY...`` makes pictures and says in one line of JSON for each family what it found.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

from tests.tiny_models.families import FAMILIES

USAGE = "usage: python -m tests.tiny_models --list | [--lora | --gguf] FAMILY FOLDER | --check FOLDER FAMILY..."


def main(arguments: list[str]) -> int:
    os.environ["HF_HUB_OFFLINE"] = "1"
    match arguments:
        case ["--list"]:
            print(*FAMILIES, sep="\n")
        case ["--check", folder, *names] if set(names) <= FAMILIES.keys():
            from tests.tiny_models import check

            check.run(Path(folder), [FAMILIES[name] for name in names])
        case ["--lora", name, folder] if name in FAMILIES:
            from tests.tiny_models import lora

            lora.write(FAMILIES[name], _build(name), Path(folder))
        case ["--gguf", name, folder] if name in FAMILIES:
            from tests.tiny_models import gguf_file

            gguf_file.write(FAMILIES[name], _build(name), Path(folder))
        case [name, folder] if name in FAMILIES:
            _build(name).save_pretrained(folder)
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    return 0


def _build(name: str):
    import torch
    from diffusers.utils import logging

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    return import_module(f"tests.tiny_models.{name}").build()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
