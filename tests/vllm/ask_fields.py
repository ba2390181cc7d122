"""The fields of the requests that this vLLM heeds, by request, as JSON. Runs in vLLM's environment."""

import json

from vllm.entrypoints.anthropic.protocol import AnthropicCountTokensRequest, AnthropicMessagesRequest
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
from vllm.entrypoints.pooling.embed.protocol import EmbeddingCompletionRequest
from vllm.entrypoints.pooling.scoring.protocol import (
    RerankRequest,
    ScoreDataRequest,
    ScoreQueriesDocumentsRequest,
    ScoreQueriesItemsRequest,
    ScoreTextRequest,
)

REQUESTS = (
    ChatCompletionRequest, CompletionRequest, EmbeddingCompletionRequest, RerankRequest, ScoreDataRequest,
    ScoreQueriesDocumentsRequest, ScoreQueriesItemsRequest, ScoreTextRequest, AnthropicMessagesRequest,
    AnthropicCountTokensRequest,
)  # fmt: skip
print(json.dumps({request.__name__: sorted(request.model_fields) for request in REQUESTS}))
