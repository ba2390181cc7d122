// Both Node SDKs, unmodified, on answers that a test wrote: thoughts, mixed calls, a stream that breaks. Run by test_node.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

import { address, gathered, model, place, refused } from "./gateway.mjs";

const { said, broken } = JSON.parse(process.env.FOREBAY_TEST_SAYING);
const anthropic = new Anthropic({ baseURL: address, apiKey: "none", maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0 });
const names = ["get_weather", "get_time"];

const message = (content) => ({
  model, max_tokens: 100, messages: [{ role: "user", content }],
  tools: names.map((name) => ({ name, input_schema: place })),
});
const response = (input) => ({
  model, input, tools: names.map((name) => ({ type: "function", name, parameters: place, strict: false })),
});

test("Anthropic: thoughts, words and two calls at once, whole and streamed", async () => {
  const whole = await anthropic.messages.create(message(said));
  assert.deepEqual(whole.content.map((block) => block.type), ["thinking", "text", "tool_use", "tool_use"]);
  assert.deepEqual(whole.content.slice(2).map((block) => [block.name, block.input]), [["get_weather", { city: "Rome" }], ["get_time", { city: "Oslo" }]]);
  assert.ok(whole.content[0].signature);
  assert.equal(whole.stop_reason, "tool_use");
  const streamed = await anthropic.messages.stream(message(said)).finalMessage();
  const plain = (content) => content.map(({ type, text, thinking, name, input, id }) => ({ type, text, thinking, name, input, id }));
  assert.deepEqual(plain(streamed.content), plain(whole.content));
  assert.equal(streamed.stop_reason, "tool_use");
});

test("Anthropic: results of both go back", async () => {
  const { content } = await anthropic.messages.create(message(said));
  const results = ["call_0", "call_1"].map((id) => ({ type: "tool_result", tool_use_id: id, content: "done" }));
  const messages = [{ role: "user", content: "?" }, { role: "assistant", content }, { role: "user", content: [...results, { type: "text", text: said }] }];
  assert.equal((await anthropic.messages.create({ ...message(said), messages })).stop_reason, "tool_use");
});

test("Anthropic: a stream that breaks raises", async () => {
  const error = await refused(async () => gathered(await anthropic.messages.create({ ...message(broken), stream: true })), Anthropic.APIError);
  assert.equal(error.error.error.type, "api_error");
});

test("OpenAI: thoughts, words and two calls at once, whole and streamed", async () => {
  const whole = await openai.responses.create(response(said));
  assert.deepEqual(whole.output.map((item) => item.type), ["reasoning", "message", "function_call", "function_call"]);
  const streamed = await openai.responses.stream(response(said)).finalResponse();
  const plain = (output) => output.filter((item) => item.type === "function_call").map((item) => [item.call_id, item.name, item.arguments]);
  assert.deepEqual(plain(whole.output), [["call_0", "get_weather", '{"city": "Rome"}'], ["call_1", "get_time", '{"city": "Oslo"}']]);
  assert.deepEqual(plain(streamed.output), plain(whole.output));
});

test("OpenAI: a stream that breaks has failed", async () => {
  const events = await gathered(await openai.responses.create({ ...response(broken), stream: true }));
  assert.equal(events.at(-1).type, "response.failed");
  assert.equal(events.at(-1).response.status, "failed");
});
