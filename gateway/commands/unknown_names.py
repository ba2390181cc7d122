"""Names in the catalog that the installed vLLM does not know. Reads two kinds of files; starts nothing."""

from collections.abc import Iterable, Iterator

from backends.environments.environments import Environments
from backends.environments.finding import Finding, note
from backends.vllm.args import VllmArgs
from backends.vllm.known import Known, read, unknown
from gateway.catalog.profile import ModelProfile

ENGINE = "vllm"


def unknown_names(environments: Environments, profiles: Iterable[ModelProfile]) -> Iterator[Finding]:
    """A note a name, under ``PROFILE:VARIANT``; nothing where vLLM is not installed or was never asked."""
    by_runtime: dict[str, Known | None] = {}
    for profile in profiles:
        for variant in profile.variants:
            args = variant.engine
            if not isinstance(args, VllmArgs):
                continue
            if args.runtime not in by_runtime:
                by_runtime[args.runtime] = read(environments.known(ENGINE, args.runtime))
            if (known := by_runtime[args.runtime]) is None:
                continue
            for words in unknown(args, known):
                yield note(f"{profile.id}:{variant.name}", f"the installed vllm does not know {words}")
