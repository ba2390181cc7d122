# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""The two trainings: the decoder on pictures, then denoiser and text encoder on its latents. Resumable, by a seed."""

import copy
import math
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch.nn.functional import l1_loss, mse_loss

from tools.train_emoji import model
from tools.train_emoji.model import Recipe
from tools.train_emoji.vocabulary import caption

_SAVE_EVERY = 180.0
_SAY_EVERY = 100
_DROPPED = 0.1
_KEPT = 0.999


class Run:
    """Where a training is kept: a file that is replaced whole, with everything that going on needs."""

    def __init__(self, path: Path, device: str) -> None:
        self._path = path
        self._device = device
        self._saved = time.monotonic()

    def load(self) -> dict | None:
        return torch.load(self._path, map_location=self._device, weights_only=True) if self._path.exists() else None

    def save(self, state: dict, *, now: bool = False) -> None:
        if now or time.monotonic() - self._saved > _SAVE_EVERY:
            partial = self._path.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(self._path)
            self._saved = time.monotonic()


def rate(step: int, steps: int, most: float) -> float:
    """Warm, then a cosine down to a fiftieth."""
    if step < 200:
        return most * (step + 1) / 200
    return most * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def pixels(pictures: np.ndarray, rows: list[int], device: str) -> torch.Tensor:
    """Rows of the pool as (N, 3, 64, 64) in -1 to 1."""
    batch = torch.from_numpy(pictures[rows]).to(device).permute(0, 3, 1, 2).float()
    return batch / 127.5 - 1.0


def train_vae(recipe: Recipe, pictures: np.ndarray, folder: Path, device: str):
    """The decoder; its latents are scaled to a spread of one."""
    torch.manual_seed(recipe.seed)
    vae = model.vae(recipe).to(device)
    optimizer = torch.optim.AdamW(vae.parameters(), weight_decay=0.0)
    run, first = Run(folder / "vae.pt", device), 0
    if (state := run.load()) is not None:
        vae.load_state_dict(state["vae"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    mean = 0.0
    for step in range(first, recipe.vae_steps):
        random = _seeded(recipe, step)
        batch = pixels(pictures, random.sample(range(len(pictures)), 32), device)
        spread = vae.encode(batch).latent_dist
        latents = spread.sample()
        out = vae.decode(latents).sample
        edges = l1_loss(out.diff(dim=-1), batch.diff(dim=-1)) + l1_loss(out.diff(dim=-2), batch.diff(dim=-2))
        loss = l1_loss(out, batch) + edges + 2e-6 * spread.kl().mean()
        _step(optimizer, loss, rate(step, recipe.vae_steps, 1.5e-3), list(vae.parameters()))
        mean = loss.item() if not mean else 0.98 * mean + 0.02 * loss.item()
        if step % _SAY_EVERY == 0:
            print(f"vae {step} of {recipe.vae_steps}: {mean:.4f}", flush=True)
        run.save({"vae": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1})
    run.save({"vae": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": recipe.vae_steps}, now=True)
    return vae.eval()


@torch.no_grad()
def latents_of(vae, pictures: np.ndarray, device: str) -> torch.Tensor:
    """Means of all pictures; sets the decoder's scale."""
    rows = [list(range(i, min(i + 256, len(pictures)))) for i in range(0, len(pictures), 256)]
    found = torch.cat([vae.encode(pixels(pictures, each, device)).latent_dist.mean for each in rows])
    scale = 1.0 / found.std().item()
    vae.register_to_config(scaling_factor=scale)
    return found * scale


def train_denoiser(recipe: Recipe, latents: torch.Tensor, shown: list[tuple[str, str]], folder: Path, device: str):
    """Denoiser and text encoder, averaged over the last thousand steps."""
    torch.manual_seed(recipe.seed)
    tokenizer, scheduler = model.tokenizer(), model.scheduler()
    unet, text = model.unet(recipe).to(device), model.text_encoder(recipe, tokenizer).to(device)
    both = torch.nn.ModuleDict({"unet": unet, "text": text})
    smooth = copy.deepcopy(both).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(both.parameters(), weight_decay=1e-4)
    run, first = Run(folder / "denoiser.pt", device), 0
    if (state := run.load()) is not None:
        both.load_state_dict(state["both"])
        smooth.load_state_dict(state["smooth"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    mean = 0.0
    for step in range(first, recipe.steps):
        random = _seeded(recipe, step)
        rows = [random.randrange(len(shown)) for _ in range(recipe.batch)]
        said = ["" if random.random() < _DROPPED else caption(*shown[row], random) for row in rows]
        tokens = tokenizer(said, padding="max_length", truncation=True, max_length=model.TOKENS, return_tensors="pt")
        clean = latents[rows]
        noise = torch.randn_like(clean)
        times = torch.randint(0, scheduler.config.num_train_timesteps, (len(rows),), device=device)
        noisy = scheduler.add_noise(clean, noise, times)
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):  # a fifth faster on a CPU that has it
            guessed = unet(noisy, times, text(tokens.input_ids.to(device))[0]).sample
        loss = mse_loss(guessed.float(), scheduler.get_velocity(clean, noise, times))
        _step(optimizer, loss, rate(step, recipe.steps, recipe.learning_rate), list(both.parameters()))
        kept = min(_KEPT, (step + 1) / (step + 10))
        with torch.no_grad():
            for slow, fast in zip(smooth.parameters(), both.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - kept)
        mean = loss.item() if not mean else 0.99 * mean + 0.01 * loss.item()
        if step % _SAY_EVERY == 0:
            print(f"denoiser {step} of {recipe.steps}: {mean:.4f}", flush=True)
        run.save(_state(both, smooth, optimizer, step + 1))
    run.save(_state(both, smooth, optimizer, recipe.steps), now=True)
    return smooth["unet"], smooth["text"], tokenizer, scheduler


def _seeded(recipe: Recipe, step: int) -> Random:
    """Every step has a seed of its own, so that going on makes what a training in one go would have made."""
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    return Random(f"{recipe.seed}.{step}")


def _state(both, smooth, optimizer, step: int) -> dict:
    return {
        "both": both.state_dict(),
        "smooth": smooth.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
    }


def _step(optimizer, loss, learning_rate: float, parameters) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
