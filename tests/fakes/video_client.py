"""Video jobs of a gateway as a client sees them."""

import asyncio
import json

import httpx

URL = "/v1/videos"


def wanted(**fields: object) -> dict[str, object]:
    return {"model": "film", "prompt": "a cat", "seed": 7} | fields


def error(answer: httpx.Response) -> dict:
    return answer.json()["error"]


class VideoClient:
    """On a gateway whose model ``film`` says what its clips were asked for."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.http = client

    async def created(self, **fields: object) -> dict:
        answer = await self.http.post(URL, json=wanted(**fields))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def now(self, video: dict) -> dict:
        answer = await self.http.get(f"{URL}/{video['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ended(self, video: dict) -> dict:
        """As its last event says."""
        last = video
        async with asyncio.timeout(60), self.http.stream("GET", f"{URL}/{video['id']}/events") as stream:
            assert stream.status_code == 200
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    last = json.loads(line[6:])["video"]
        return last

    async def made(self, **fields: object) -> dict:
        done = await self.ended(await self.created(**fields))
        assert done["status"] == "completed", done["error"]
        return done

    async def content(self, video: dict, **given: object) -> httpx.Response:
        return await self.http.get(f"{URL}/{video['id']}/content", **given)

    async def said(self, video: dict, variant: str = "video") -> dict:
        """What the clip says that it was asked for."""
        answer = await self.content(video, params={"variant": variant})
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content)
