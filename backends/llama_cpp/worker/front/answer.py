"""One choice of a chat answer while it grows: token bytes in, changes of the message out. Pure.

The order of the stages: whole characters and stop strings, then reasoning, then tool calls, then what mends their
arguments.
"""

from msgspec import UNSET

from backends.llama_cpp.worker.front.text import TextFilter
from backends.llama_cpp.worker.runtime import Candidate, Piece, Score
from backends.translate.reasoning import Part, ReasoningSplitter
from backends.translate.tool_calls.deltas import Delta as ToolDelta
from backends.translate.tool_calls.deltas import Text, ToolCallArguments, ToolCallStart
from backends.translate.tool_calls.formats import StreamParser
from backends.translate.tool_calls.repair import ArgumentsRepair
from backends.wire.openai_chat_reply import (
    ChoiceLogprobs,
    Delta,
    FinishReason,
    FunctionDelta,
    FunctionText,
    MessageToolCall,
    ReplyMessage,
    TokenLogprob,
    ToolCallDelta,
    TopLogprob,
)

Change = str | Delta
"""Text of the content, or any other change."""


class Answer:
    """``finish`` is set when the choice is complete; what was fed afterwards is ignored."""

    def __init__(
        self,
        stops: tuple[str, ...],
        reasoning: ReasoningSplitter | None,
        tools: StreamParser | None,
        *,
        one_call: bool = False,
    ) -> None:
        self.generated = 0
        self.finish: FinishReason | None = None
        self.scores: list[Score] = []
        self._filter = TextFilter(stops)
        self._reasoning = reasoning
        self._tools = tools
        self._one_call = one_call
        self._calls = 0
        self._index = 0
        self._repair: ArgumentsRepair | None = None

    def feed(self, piece: Piece) -> list[Change]:
        """Take a piece; return the changes that can be shown now."""
        if self.finish is not None:
            return []
        self.generated += piece.count
        if piece.score is not None:
            self.scores.append(piece.score)
        text = self._filter.feed(piece.text)
        ended = bool(piece.finish)
        if self._filter.stopped:
            ended = True
        elif ended:
            text += self._filter.finish()
        if not ended and self._reasoning is None and self._tools is None:
            return [text] if text else []
        changes = self._split(text)
        if ended:
            whole = piece.finish == "stop" and not self._filter.stopped
            changes += self._flush() + self._mended(whole=whole)
            self._end("length" if piece.finish == "length" and not self._filter.stopped else "stop")
        return changes

    @property
    def matched(self) -> str | None:
        """The stop string that ended it, if one did."""
        return self._filter.matched

    def take_scores(self) -> ChoiceLogprobs | None:
        """The log probabilities collected since the last call."""
        if not self.scores:
            return None
        content = [_token_logprob(score) for score in self.scores]
        self.scores = []
        return ChoiceLogprobs(content=content)

    def _end(self, reason: FinishReason) -> None:
        self.finish = self.finish or ("tool_calls" if self._calls and reason == "stop" else reason)

    def _split(self, text: str) -> list[Change]:
        if self._reasoning is None:
            return self._parse(text)
        return self._separated(self._reasoning.feed(text))

    def _flush(self) -> list[Change]:
        changes = self._separated(self._reasoning.finish()) if self._reasoning is not None else []
        if self._tools is not None:
            changes += self._changes(self._tools.finish())
        return changes

    def _separated(self, parts: list[Part]) -> list[Change]:
        changes: list[Change] = []
        for kind, text in parts:
            changes += [Delta(reasoning_content=text)] if kind == "reasoning" else self._parse(text)
        return changes

    def _parse(self, text: str) -> list[Change]:
        if self._tools is None:
            return [text] if text else []
        return self._changes(self._tools.feed(text))

    def _changes(self, deltas: list[ToolDelta]) -> list[Change]:
        changes: list[Change] = []
        for delta in deltas:
            if self.finish is not None:
                break
            match delta:
                case Text(text):
                    changes.append(text)
                case ToolCallStart(index, identity, name):
                    changes += self._mended(whole=True)
                    if self._one_call and self._calls:
                        self.finish = "tool_calls"
                        break
                    self._calls += 1
                    self._index, self._repair = index, ArgumentsRepair()
                    function = FunctionDelta(name=name, arguments="")
                    call = ToolCallDelta(index=index, id=identity, type="function", function=function)
                    changes.append(Delta(tool_calls=[call]))
                case ToolCallArguments(index, text):
                    if mended := self._repair.feed(text) if self._repair is not None else text:
                        changes.append(_arguments(index, mended))
        return changes

    def _mended(self, *, whole: bool) -> list[Change]:
        """The end of the last call's arguments. ``whole``: the model ended them itself."""
        repair, self._repair = self._repair, None
        rest = repair.finish(whole=whole) if repair is not None else ""
        return [_arguments(self._index, rest)] if rest else []


class MessageBuilder:
    """Gathers the changes of a choice into the message of a plain answer."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[str]] = {}

    def add(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, str):
                self._content.append(change)
                continue
            if isinstance(change.reasoning_content, str):
                self._reasoning.append(change.reasoning_content)
            for call in change.tool_calls if isinstance(change.tool_calls, list) else ():
                self._add_call(call)

    def message(self) -> ReplyMessage:
        """The message so far. Content is null when there are only tool calls."""
        content = "".join(self._content)
        calls = [
            MessageToolCall(id=identity, function=FunctionText(name=name, arguments="".join(arguments)))
            for identity, name, *arguments in self._calls.values()
        ]
        return ReplyMessage(
            content=None if calls and not content.strip() else content,
            reasoning_content="".join(self._reasoning) if self._reasoning else UNSET,
            tool_calls=calls or UNSET,
        )

    def _add_call(self, call: ToolCallDelta) -> None:
        function = call.function if isinstance(call.function, FunctionDelta) else FunctionDelta()
        if isinstance(call.id, str) and isinstance(function.name, str):
            self._calls[call.index] = [call.id, function.name]
        if isinstance(function.arguments, str):
            self._calls[call.index].append(function.arguments)


def _arguments(index: int, text: str) -> Delta:
    return Delta(tool_calls=[ToolCallDelta(index=index, function=FunctionDelta(arguments=text))])


def _token_logprob(score: Score) -> TokenLogprob:
    return TokenLogprob(
        token=_text(score.chosen),
        logprob=score.chosen.logprob,
        bytes=list(score.chosen.text),
        top_logprobs=[TopLogprob(token=_text(one), logprob=one.logprob, bytes=list(one.text)) for one in score.top],
    )


def _text(candidate: Candidate) -> str:
    return candidate.text.decode("utf-8", "replace")
