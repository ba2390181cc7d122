"""A provider that speaks OpenAI: requests pass with the few changes that it needs, answers as they come."""

from backends.cloud.body import for_provider, impersonal, wants_usage
from backends.cloud.client import CloudClient
from backends.cloud.exchange import exchange, replaced
from backends.cloud.provider import Provider
from backends.cloud.stream import Unchanged
from backends.cloud.unasked import WithoutUsage
from backends.contract import Call, Health, Reply

_CHAT = "/v1/chat/completions"


class OpenAIProvider:
    """Implements ``Backend`` for one model of ``provider``; ``name`` is the provider's id."""

    def __init__(self, provider: Provider, model: str, client: CloudClient) -> None:
        self.name = provider.id
        self._provider = provider
        self._model = model
        self._client = client

    async def open(self, call: Call) -> Reply:
        """See ``Backend.open``."""
        translation = None
        if call.path != _CHAT:
            body = impersonal(call.body)
        else:
            body = for_provider(call.body, self._provider.quirks, stream=call.stream)
            if call.stream and not wants_usage(call.body):
                translation = WithoutUsage(call.terminator)
        return await exchange(
            self._client, self._provider, self._model, replaced(call, body), translation or Unchanged(call.terminator)
        )

    async def health(self) -> Health:
        """A provider is not asked how it is: its answers tell."""
        return Health(ready=True)

    async def aclose(self) -> None:
        """The client is everybody's."""
