"""The backends of pictures and clips at providers: one for each model of each provider, made when it is first asked.

Owns what they share: the client, the downloads. Kept, because work that is cancelled goes on in them for a moment.
"""

import asyncio

from backends.cloud.client import CloudClient
from backends.cloud.media.adapter import MediaProvider
from backends.cloud.media.downloads import Downloads
from backends.cloud.provider import Provider


class MediaBackends:
    """One per process."""

    def __init__(self, client: CloudClient, downloads: Downloads) -> None:
        self._client = client
        self._downloads = downloads
        self._made: dict[tuple[str, str], tuple[Provider, MediaProvider]] = {}

    def of(self, provider: Provider, model: str) -> MediaProvider:
        """What makes pictures or clips by ``model``. Made anew when the provider's file says something else now."""
        known = self._made.get((provider.id, model))
        if known is None or known[0] != provider:
            known = provider, MediaProvider(provider, model, self._client, self._downloads)
            self._made[provider.id, model] = known
        return known[1]

    async def aclose(self) -> None:
        """Waits a little for what is still to be cancelled."""
        await asyncio.gather(*(backend.aclose() for _, backend in self._made.values()))
