// Anthropic's Node SDK, unmodified, over a real model: messages, tools, counts, models, refusals. Run by test_node.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { address, gathered, idle, model, place, refused } from "./gateway.mjs";

const client = new Anthropic({ baseURL: address, apiKey: "none", maxRetries: 0, timeout: 90_000 });
// The types have no temperature any more; what is sent beyond them still reaches the model.
const sum = { model, messages: [{ role: "user", content: "What is 2+2?" }], temperature: 0, max_tokens: 16 };
const tools = ["get_weather", "get_time"].map((name) => ({ name, description: name, input_schema: place }));
const forced = { ...sum, max_tokens: 100, tools, tool_choice: { type: "tool", name: "get_time" } };
const read = (usage) => usage.input_tokens + usage.cache_read_input_tokens;
const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

test("a message, whole and streamed, says the same", async () => {
  await client.messages.create(sum); // fills the cache: a prompt in one share or two may round otherwise
  const whole = await client.messages.create(sum);
  assert.equal(whole.type, "message");
  assert.ok(textOf(whole).length > 0);
  const events = await gathered(await client.messages.create({ ...sum, stream: true }));
  assert.deepEqual([events[0].type, events.at(-1).type], ["message_start", "message_stop"]);
  const said = events.filter((event) => event.type === "content_block_delta").map((event) => event.delta.text);
  assert.equal(said.join(""), textOf(whole));
  const end = events.at(-2);
  assert.equal(end.delta.stop_reason, whole.stop_reason);
  assert.equal(end.usage.output_tokens, whole.usage.output_tokens);
});

test("the stream helper gathers a whole message", async () => {
  const stream = client.messages.stream(sum);
  let text = "";
  stream.on("text", (delta) => (text += delta));
  const message = await stream.finalMessage();
  assert.ok(text.length > 0);
  assert.equal(textOf(message), text);
});

test("what is counted is what an answer reports", async () => {
  for (const given of [{}, { tools }, { system: "You are brief." }]) {
    const { messages } = sum;
    const counted = await client.messages.countTokens({ model, messages, ...given });
    const answer = await client.messages.create({ ...sum, max_tokens: 1, ...given });
    assert.equal(counted.input_tokens, read(answer.usage));
  }
});

test("a forced call, whole and streamed, and the way back with its result", async () => {
  const first = await client.messages.create(forced);
  assert.equal(first.stop_reason, "tool_use");
  const [call] = first.content;
  assert.deepEqual([call.type, call.name, Object.keys(call.input)], ["tool_use", "get_time", ["city"]]);
  const streamed = await client.messages.stream(forced).finalMessage();
  assert.deepEqual(streamed.content[0].input, call.input);
  const content = [{ type: "tool_result", tool_use_id: call.id, content: "It is a quarter past five in the afternoon." }];
  const messages = [...sum.messages, { role: "assistant", content: first.content }, { role: "user", content }];
  const second = await client.messages.create({ ...sum, tools, messages });
  assert.ok(read(second.usage) > read(first.usage) + 15);
});

test("an answer ends where it is told to", async () => {
  const short = await client.messages.create({ ...sum, max_tokens: 2 });
  assert.deepEqual([short.stop_reason, short.usage.output_tokens], ["max_tokens", 2]);
  const whole = textOf(await client.messages.create(sum));
  const stop = whole.slice(3, 7);
  const stopped = await client.messages.create({ ...sum, stop_sequences: [stop] });
  assert.equal(textOf(stopped), whole.slice(0, whole.indexOf(stop)));
  assert.deepEqual([stopped.stop_reason, stopped.stop_sequence], ["stop_sequence", stop]);
});

test("models, page by page and by name", async () => {
  const listed = await gathered(client.models.list({ limit: 1 }));
  assert.deepEqual(listed.map((item) => item.id), [model, `anthropic/${model}`]);
  const one = await client.models.retrieve(`anthropic/${model}`);
  assert.deepEqual([one.type, one.id, one.lifecycle], ["model", `anthropic/${model}`, "active"]);
  assert.equal(one.capabilities.structured_outputs.supported, true);
});

test("errors have the SDK's classes and the request's id", async () => {
  const calls = [
    [() => client.messages.create({ ...sum, max_tokens: 0 }), Anthropic.BadRequestError, "invalid_request_error"],
    [() => client.messages.create({ ...sum, model: "nope" }), Anthropic.NotFoundError, "not_found_error"],
    [() => client.messages.create({ ...sum, model: "nope", stream: true }), Anthropic.NotFoundError, "not_found_error"],
    [() => client.messages.countTokens({ model: "nope", messages: sum.messages }), Anthropic.NotFoundError, "not_found_error"],
    [() => client.models.retrieve("org/nope"), Anthropic.NotFoundError, "not_found_error"],
    [() => client.messages.batches.list(), Anthropic.NotFoundError, "not_found_error"],
  ];
  for (const [call, kind, type] of calls) {
    const error = await refused(call, kind);
    assert.deepEqual([error.error.type, error.error.error.type], ["error", type]);
    assert.match(error.requestID, /^req_/);
  }
});

test("an overflow is worded as clients parse it", async () => {
  const messages = [{ role: "user", content: "word ".repeat(2500) }];
  for (const stream of [false, true]) {
    const error = await refused(() => client.messages.create({ ...sum, messages, stream }), Anthropic.BadRequestError);
    assert.match(error.error.error.message, /^prompt is too long: \d+ tokens > 2048 maximum/);
  }
});

test("headers say who answered", async () => {
  const { response, request_id } = await client.messages.create({ ...sum, max_tokens: 1 }).withResponse();
  assert.equal(response.headers.get("request-id"), request_id);
  assert.equal(response.headers.get("x-forebay-model"), model);
});

test("aborting a stream stops its work", async () => {
  const messages = [{ role: "user", content: "Tell a long story." }];
  const stream = await client.messages.create({ ...sum, messages, max_tokens: 1500, stream: true });
  let seen = 0;
  for await (const event of stream) if (event.type === "content_block_delta" && ++seen === 3) stream.controller.abort();
  await idle();
});
