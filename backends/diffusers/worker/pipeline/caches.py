# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""Reuse between steps: enabled anew for each job.

Upstream resets a cache at the regular end of a run at best, and for some classes (Flux 2) not even there: what is left
behind changes the next picture.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from backends.diffusers.args import Cache, CacheDit, FirstBlockCache, MagCache, TaylorSeerCache
from backends.errors import BackendError, Cause


class StepCache:
    """The cache of one set of components. ``pipe`` is any pipeline over them."""

    def __init__(self, pipe: Any, cache: Cache, steps: int) -> None:
        self._pipe = pipe
        self._cache = cache
        self._steps = steps
        self._enabled = False
        self.prepare(steps)

    def prepare(self, steps: int) -> None:
        """Before a job of so many ``steps``. Ratios that were measured for another number of steps are not used."""
        if self._enabled:
            self._disable()
        if not isinstance(self._cache, MagCache) or steps == self._steps:
            self._enable()

    @contextmanager
    def working(self) -> Generator[None]:
        """Around a call of a pipeline: some classes (Flux 2) do not say themselves for whom the cache is."""
        with ExitStack() as stack:
            if self._enabled and not isinstance(self._cache, CacheDit):
                for denoiser in _denoisers(self._pipe):
                    stack.enter_context(denoiser.cache_context("cond"))
            yield

    def _enable(self) -> None:
        if isinstance(self._cache, CacheDit):
            import cache_dit

            config = cache_dit.DBCacheConfig(
                Fn_compute_blocks=self._cache.compute_first_blocks,
                residual_diff_threshold=self._cache.threshold,
                max_warmup_steps=self._cache.warmup,
            )
            cache_dit.enable_cache(self._pipe, cache_config=config)
        else:
            for denoiser in _denoisers(self._pipe):
                denoiser.enable_cache(_config(self._cache, self._steps))
        self._enabled = True

    def _disable(self) -> None:
        if isinstance(self._cache, CacheDit):
            import cache_dit

            cache_dit.disable_cache(self._pipe)
        else:
            for denoiser in _denoisers(self._pipe):
                denoiser.disable_cache()
        self._enabled = False


def _denoisers(pipe: Any) -> list[Any]:
    found = [getattr(pipe, name, None) for name in ("transformer", "transformer_2")]
    able = [each for each in found if hasattr(each, "enable_cache")]
    if not able:
        raise BackendError(Cause.LOAD_FAILED, f"{type(pipe).__name__} has no cache of its own; cache_dit may serve it")
    return able


def _config(cache: FirstBlockCache | TaylorSeerCache | MagCache, steps: int) -> Any:
    import diffusers

    match cache:
        case FirstBlockCache():
            return diffusers.FirstBlockCacheConfig(threshold=cache.threshold)
        case TaylorSeerCache():
            return diffusers.TaylorSeerCacheConfig(
                cache_interval=cache.interval, disable_cache_before_step=cache.warmup, max_order=cache.order
            )
        case MagCache():
            return diffusers.MagCacheConfig(
                threshold=cache.threshold,
                max_skip_steps=cache.max_skip,
                retention_ratio=cache.retention,
                num_inference_steps=steps,
                mag_ratios=list(cache.ratios),
            )
