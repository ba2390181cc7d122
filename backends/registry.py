"""Which code stands behind an engine's arguments: one line an engine. The only place that knows them all."""

from pathlib import Path

from backends.cloud.anthropic import AnthropicProvider
from backends.cloud.client import CloudClient
from backends.cloud.offer import Offer
from backends.cloud.openai import OpenAIProvider
from backends.cloud.provider import Provider
from backends.contract import Backend, LaunchPlan, LaunchRequest
from backends.diffusers import command as diffusers
from backends.diffusers.args import DiffusersArgs
from backends.environments.environments import Environments
from backends.environments.runtimes import choose
from backends.errors import BackendError, Cause
from backends.external import command as external
from backends.external.args import ExternalArgs
from backends.http.relay import HttpBackend
from backends.llama_cpp import command as llama_cpp
from backends.llama_cpp.args import LlamaCppArgs
from backends.translate.claude.terms import Terms
from backends.translate.renamed_key import Renaming
from backends.vllm import command as vllm
from backends.vllm.args import VllmArgs

_LONGEST_ANSWER = 8192
"""Where neither the client nor the profile says: Anthropic wants a limit."""
EngineArgs = LlamaCppArgs | VllmArgs | DiffusersArgs | ExternalArgs
_THOUGHTS = Renaming("reasoning", "reasoning_content")


def plan_of(args: EngineArgs, request: LaunchRequest, environments: Environments) -> LaunchPlan:
    """How to start the engine. Raises ``BackendError(LOAD_FAILED)`` when its environment is not installed."""
    match args:
        case LlamaCppArgs():
            installed = _installed("llama_cpp", args.runtime, environments)
            if installed is None:
                raise _not_installed("llama_cpp")
            python, runtime = installed
            return llama_cpp.plan(args, request, python, runtime)
        case VllmArgs():
            installed = _installed("vllm", args.runtime, environments)
            if installed is None:
                raise _not_installed("vllm")
            python, runtime = installed
            return vllm.plan(args, request, python, runtime)
        case DiffusersArgs():
            python = _diffusers(args, environments)
            if python is None:
                raise _not_installed("diffusers")
            return diffusers.plan(args, request, python)
        case ExternalArgs():
            return external.plan(args, request)


def provider_backend(provider: Provider, offer: Offer, client: CloudClient) -> Backend:
    """What talks to ``provider`` about the texts of ``offer``'s model; of pictures and clips see ``MediaBackends``.
    Raises ``BackendError(NO_CAPACITY)`` for kinds that serve no texts.
    """
    match provider.kind:
        case "openai":
            return OpenAIProvider(provider, offer.model, client)
        case "anthropic":
            terms = Terms(
                max_tokens=offer.output_tokens or _LONGEST_ANSWER, thinking=offer.thinking, samples=offer.samples,
                late_system=offer.late_system, caches=offer.caches,
            )  # fmt: skip
            return AnthropicProvider(provider, offer.model, client, terms)
        case "http" | "unavailable":
            raise BackendError(Cause.NO_CAPACITY, f"{provider.name} serves no texts")


def backend_of(args: EngineArgs, plan: LaunchPlan) -> Backend:
    """The backend of a started engine; its name is the metric label of its kind."""
    kind = str(type(args).__struct_config__.tag)
    return HttpBackend(
        kind, plan.socket, health_path=plan.ready_path, canary=plan.canary, keeps=not isinstance(args, VllmArgs)
    )


def missing_engine(args: EngineArgs, environments: Environments) -> BackendError | None:
    """Why the engine cannot start on this machine, or ``None``. Cheap: a look at the file system at most."""
    match args:
        case LlamaCppArgs():
            return None if _installed("llama_cpp", args.runtime, environments) else _not_installed("llama_cpp")
        case VllmArgs():
            return None if _installed("vllm", args.runtime, environments) else _not_installed("vllm")
        case DiffusersArgs():
            return None if _diffusers(args, environments) is not None else _not_installed("diffusers")
        case ExternalArgs():
            return None


def runtime_of(args: EngineArgs, environments: Environments) -> str:
    """The name of the runtime that would run it on this machine; empty for engines without one, or none installed."""
    match args:
        case LlamaCppArgs():
            installed = _installed("llama_cpp", args.runtime, environments)
            return "" if installed is None else installed[1]
        case VllmArgs():
            installed = _installed("vllm", args.runtime, environments)
            return "" if installed is None else installed[1]
        case DiffusersArgs() | ExternalArgs():
            return ""


def speaks_anthropic(args: EngineArgs) -> bool:
    """Whether it serves ``/v1/messages`` itself. Ours do not: they are told everything as chat, so that no tool,
    document or choice is lost on a runtime that knows less of the dialect than we do.
    """
    match args:
        case ExternalArgs() | VllmArgs():
            return "anthropic" in args.dialects
        case LlamaCppArgs() | DiffusersArgs():
            return False


def thoughts_renamed(args: EngineArgs) -> Renaming | None:
    """How the thoughts of its chats come under the name that clients know; ``None`` where they have it."""
    match args:
        case VllmArgs():
            return None if args.reasoning_parser is None else _THOUGHTS
        case ExternalArgs():
            return _THOUGHTS if args.thoughts == "reasoning" else None
        case LlamaCppArgs() | DiffusersArgs():
            return None


def tells_pressure(kind: str) -> bool:
    """Whether engines of that kind may say how much they have to do. Of servers that we do not know some do."""
    return kind in ("vllm", "external")


def reads_pictures(args: EngineArgs) -> bool:
    """Whether a chat may show it some; of servers that we do not know it is supposed."""
    match args:
        case ExternalArgs():
            return True
        case VllmArgs():
            return args.images > 0
        case LlamaCppArgs() | DiffusersArgs():
            return False


def _installed(engine: str, name: str, environments: Environments) -> tuple[Path, str] | None:
    """The interpreter and the runtime behind ``auto``: the best that is installed."""
    for runtime in choose(environments.package, engine, name):
        python = environments.python(engine, runtime.name)
        if python is not None:
            return python, runtime.name
    return None


def _diffusers(args: DiffusersArgs, environments: Environments) -> Path | None:
    return environments.python("diffusers", args.runtime)


def _not_installed(engine: str) -> BackendError:
    detail = f"the engine {engine} is not installed; run: forebay engines install {engine}"
    return BackendError(Cause.LOAD_FAILED, detail, code="engine_missing")
