"""python -m bench.gateway [--peers] [--rounds N] [--json FILE]: the table, every subject in every round."""

import argparse
import asyncio
import json
import statistics
from pathlib import Path

from bench.gateway import subjects
from bench.gateway.load import Client, plain_load, stream_load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", action="store_true", help="also vllm-router, and LiteLLM's proxy")
    parser.add_argument("--no-litellm", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--streams", type=int, default=128)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    starters = [subjects.nginx, subjects.forebay]
    if chosen.peers:
        starters.append(subjects.vllm_router)
        if not chosen.no_litellm:
            starters.append(subjects.litellm)
    results: dict[str, dict[str, list[float]]] = {}
    for number in range(chosen.rounds):
        for start in starters:
            with subjects.scratch_folder() as folder:
                engine = subjects.mock(Path(folder))
                subject = None
                try:
                    subject = start(engine.port, Path(folder))
                    if subject is None:
                        continue
                    figures = asyncio.run(measure(subject, chosen.requests, chosen.streams))
                finally:
                    if subject is not None:
                        subject.stop()
                    engine.stop()
            shown = "  ".join(f"{name} {value:.1f}" for name, value in figures.items())
            print(f"round {number + 1}  {subject.name:20} {shown}", flush=True)
            for name, value in figures.items():
                results.setdefault(subject.name, {}).setdefault(name, []).append(value)
    table(results)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1))


async def measure(subject: subjects.Subject, requests: int, streams: int) -> dict[str, float]:
    client = Client("127.0.0.1", subject.port, subject.key, "m")
    slow = "LiteLLM" in subject.name
    requests, streams = (requests // 16, streams // 4) if slow else (requests, streams)
    await plain_load(client, 320)
    await stream_load(client, 32)
    idle = subject.rss()
    before = subject.cpu()
    await plain_load(client, requests)
    plain = subject.cpu() - before
    before = subject.cpu()
    chunks = await stream_load(client, streams)
    streamed = subject.cpu() - before
    hold = asyncio.Event()
    figures = {"us_plain": plain / requests * 1e6, "us_chunk": streamed / chunks * 1e6, "rss_warm_mb": idle}
    if not slow:
        held = [asyncio.create_task(client.held(hold)) for _ in range(1000)]
        await asyncio.sleep(1.0)
        figures["rss_1000_mb"] = subject.rss()
        hold.set()
        await asyncio.gather(*held, return_exceptions=True)
    return figures


def table(results: dict[str, dict[str, list[float]]]) -> None:
    reference = next((r for name, r in results.items() if name.startswith("vllm-router")), None)
    row = "{:22} {:>9} {:>9} {:>8} {:>13}   {}"
    print(
        "\n" + row.format("median of rounds", "us/plain", "us/chunk", "RSS MB", "1000 streams", "ratio to vllm-router")
    )
    for name, found in results.items():
        middle = {key: statistics.median(values) for key, values in found.items()}
        ratio = ""
        if reference is not None:
            plain = middle["us_plain"] / statistics.median(reference["us_plain"])
            chunk = middle["us_chunk"] / statistics.median(reference["us_chunk"])
            ratio = f"plain {plain:.2f}  chunk {chunk:.2f}"
        held = f"{middle['rss_1000_mb']:.0f}" if "rss_1000_mb" in middle else "-"
        plain_us, chunk_us, rss = (f"{middle[k]:.1f}" for k in ("us_plain", "us_chunk", "rss_warm_mb"))
        print(row.format(name, plain_us, chunk_us, rss, held, ratio))


if __name__ == "__main__":
    main()
