"""What the fake engine reads and answers: orders, and fixed words in OpenAI's shapes. Standard library only."""

import json

WORDS = ("water", "waits", "in", "the", "basin", "until", "a", "turbine", "has", "room")


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def orders_of(headers, body):
    """What a request says of the answer it wants: from text, then headers, then the field ``fake``."""
    body = body if isinstance(body, dict) else {}
    texts = [m.get("content") for m in body.get("messages") or [] if isinstance(m, dict)]
    texts += [body.get("prompt"), body.get("input")]
    orders = {}
    for text in texts:
        if isinstance(text, str) and text.startswith("fake:"):
            orders.update(json.loads(text[5:]))
    orders.update({k[7:].replace("-", "_"): parsed(v) for k, v in headers.items() if k.startswith("x-fake-")})
    return orders | (body.get("fake") or {})


def error(message):
    return {"error": {"message": message, "type": "fake_error", "param": None, "code": None}}


def words_of(body, orders):
    asked = body.get("max_completion_tokens") or body.get("max_tokens") or 1 << 30
    count = min(int(orders.get("tokens", 8)), asked)
    return [("" if i == 0 else " ") + WORDS[i % len(WORDS)] for i in range(count)]


def usage(body, count):
    prompt = len(json.dumps(body.get("messages") or body.get("prompt") or body.get("input") or "").split())
    return {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}


def reply(path, body, words, model):
    text = "".join(words)
    chat = path == "/v1/chat/completions"
    part = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    choice = {"index": 0, **part, "finish_reason": "stop", "logprobs": None}
    kind = "chat.completion" if chat else "text_completion"
    return {"id": "fake-1", "object": kind, "created": 1, "model": model, "choices": [choice],
            "usage": usage(body, len(words))}  # fmt: skip


def chunks(path, body, words, model):
    chat = path == "/v1/chat/completions"
    head = {"id": "fake-1", "object": "chat.completion.chunk" if chat else "text_completion", "created": 1}
    head["model"] = model

    def chunk(part, finish=None):
        return {**head, "choices": [{"index": 0, **part, "finish_reason": finish, "logprobs": None}]}

    if chat:
        yield chunk({"delta": {"role": "assistant", "content": ""}})
    for word in words:
        yield chunk({"delta": {"content": word}} if chat else {"text": word})
    yield chunk({"delta": {}} if chat else {"text": ""}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": usage(body, len(words))}


def ranked(body, model):
    """Longer texts first, in the form of whichever of both was asked."""
    if "query" in body:
        said = [{"index": i, "document": {"text": t}, "relevance_score": len(t) / 100}
                for i, t in enumerate(body["documents"])]  # fmt: skip
        said.sort(key=lambda one: -one["relevance_score"])
        best = said[: body.get("top_n") or len(said)]
        return {"id": "rerank-1", "model": model, "usage": {"prompt_tokens": 1, "total_tokens": 1}, "results": best}
    data = [{"index": 0, "object": "score", "score": 0.5}]
    return {"id": "score-1", "object": "list", "created": 0, "model": model, "data": data,
            "usage": {"prompt_tokens": 1, "total_tokens": 1}}  # fmt: skip


def embeddings(body, model):
    given = body.get("input", "")
    texts = [given] if isinstance(given, str) else given
    data = [{"object": "embedding", "index": i, "embedding": [round(len(str(text)) / (j + 1), 6) for j in range(8)]}
            for i, text in enumerate(texts)]  # fmt: skip
    counts = usage(body, 0)
    counts.pop("completion_tokens")
    return {"object": "list", "data": data, "model": model, "usage": counts}
