// OpenAI's Node SDK, unmodified, over a real model: chats, completions, embeddings, models. Run by test_node.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { address, deadline, gathered, idle, model, place, refused } from "./gateway.mjs";

const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0, timeout: 90_000 });

const sum = { model, messages: [{ role: "user", content: "What is 2+2?" }], temperature: 0, max_tokens: 16 };
const endless = { model, messages: [{ role: "user", content: "Tell a story." }], max_tokens: 1500, logit_bias: { 0: -100, 2: -100 } };
const tools = ["get_weather", "get_time"].map((name) => ({ type: "function", function: { name, parameters: place } }));
const forecast = { ...sum, messages: [{ role: "user", content: "What is the weather in Paris?" }], max_tokens: 100, tools };
const named = { type: "function", function: { name: "get_weather" } };

test("a chat, whole and streamed, says the same", async () => {
  await client.chat.completions.create(sum); // fills the cache: a prompt in one share or two may round otherwise
  const whole = await client.chat.completions.create(sum);
  assert.equal(whole.object, "chat.completion");
  assert.match(whole.choices[0].message.content, /4/);
  assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);
  const stream = await client.chat.completions.create({ ...sum, stream: true, stream_options: { include_usage: true } });
  const chunks = await gathered(stream);
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
  assert.equal(chunks.at(-1).choices[0].finish_reason, whole.choices[0].finish_reason);
});

test("the stream helper gathers a whole answer", async () => {
  const runner = client.chat.completions.stream(sum);
  let text = "";
  runner.on("content", (delta) => (text += delta));
  const answer = await runner.finalChatCompletion();
  assert.ok(text.length > 0);
  assert.equal(answer.choices[0].message.content, text);
});

test("choices, stop strings, seeds, log probabilities", async () => {
  const several = await client.chat.completions.create({ ...sum, temperature: 1.6, top_p: 1, n: 3, seed: 3 });
  assert.deepEqual(several.choices.map((choice) => choice.index), [0, 1, 2]);
  assert.ok(new Set(several.choices.map((choice) => choice.message.content)).size > 1);
  const whole = (await client.chat.completions.create(sum)).choices[0].message.content;
  const stop = whole.slice(3, 7);
  const stopped = (await client.chat.completions.create({ ...sum, stop: [stop] })).choices[0];
  assert.equal(stopped.message.content, whole.slice(0, whole.indexOf(stop)));
  assert.equal(stopped.finish_reason, "stop");
  const scored = (await client.chat.completions.create({ ...sum, logprobs: true, top_logprobs: 2 })).choices[0];
  assert.equal(scored.logprobs.content.map((item) => item.token).join(""), scored.message.content);
  assert.ok(scored.logprobs.content.every((item) => item.top_logprobs.length === 2));
  const short = await client.chat.completions.create({ ...endless, max_tokens: undefined, max_completion_tokens: 3 });
  assert.equal(short.usage.completion_tokens, 3);
});

test("tools: chosen by name, required, none", async () => {
  const one = (await client.chat.completions.create({ ...forecast, tool_choice: named })).choices[0];
  assert.equal(one.finish_reason, "tool_calls");
  assert.equal(one.message.tool_calls.length, 1);
  assert.equal(one.message.tool_calls[0].function.name, "get_weather");
  assert.equal(typeof JSON.parse(one.message.tool_calls[0].function.arguments).city, "string");
  const some = await client.chat.completions.create({ ...forecast, tool_choice: "required", parallel_tool_calls: false });
  assert.equal(some.choices[0].message.tool_calls.length, 1);
  const none = await client.chat.completions.create({ ...forecast, tool_choice: "none", max_tokens: 8 });
  assert.ok(!none.choices[0].message.tool_calls);
  assert.ok(none.choices[0].message.content);
});

test("a streamed call adds up and its result comes back", async () => {
  const runner = client.chat.completions.stream({ ...forecast, tool_choice: named });
  const { message, finish_reason } = (await runner.finalChatCompletion()).choices[0];
  assert.equal(finish_reason, "tool_calls");
  const [call] = message.tool_calls;
  assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
  const result = { role: "tool", tool_call_id: call.id, content: "It is 17 degrees and raining in Paris." };
  const answer = await client.chat.completions.create({ ...forecast, messages: [...forecast.messages, message, result] });
  // What a tiny model makes of it is its own affair: that it was told is ours.
  assert.ok(answer.choices[0].message.content);
  const before = await client.chat.completions.create({ ...forecast, max_tokens: 1 });
  assert.ok(answer.usage.prompt_tokens > before.usage.prompt_tokens + 15);
});

test("runTools calls the function and goes on", async () => {
  const asked = [];
  const weather = async (given) => {
    asked.push(given);
    return "It is 17 degrees and raining.";
  };
  const tool = { type: "function", function: { name: "get_weather", parameters: place, parse: JSON.parse, function: weather } };
  const runner = client.chat.completions.runTools({ ...forecast, tools: [tool], tool_choice: named, stream: true });
  await runner.done();
  assert.equal(asked.length, 1);
  assert.equal(typeof asked[0].city, "string");
});

test("a schema is enforced and parsed", async () => {
  const properties = { name: { type: "string", maxLength: 20 }, continent: { enum: ["Europe", "Asia"] }, old: { type: "boolean" } };
  const schema = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
  const format = { type: "json_schema", json_schema: { name: "city", strict: true, schema } };
  const answer = await client.chat.completions.parse({ ...sum, max_tokens: 100, response_format: format });
  const city = answer.choices[0].message.parsed;
  assert.deepEqual(Object.keys(city).sort(), ["continent", "name", "old"]);
  assert.ok(["Europe", "Asia"].includes(city.continent));
  const messages = [{ role: "user", content: "Write {}." }];
  const object = await client.chat.completions.create({ ...sum, messages, max_tokens: 200, response_format: { type: "json_object" } });
  assert.equal(typeof JSON.parse(object.choices[0].message.content), "object");
});

test("completions, whole, streamed, echoed", async () => {
  const asked = { model, prompt: "The capital of France is", temperature: 0, max_tokens: 6 };
  await client.completions.create(asked); // fills the cache: a prompt in one share or two may round otherwise
  const whole = await client.completions.create(asked);
  assert.match(whole.choices[0].text, /Paris/);
  let text = "";
  for await (const chunk of await client.completions.create({ ...asked, stream: true })) text += chunk.choices[0].text;
  assert.equal(text, whole.choices[0].text);
  const two = await client.completions.create({ ...asked, prompt: [asked.prompt, "Water is"], echo: true });
  assert.equal(two.choices[0].text, asked.prompt + text);
  assert.ok(two.choices[1].text.startsWith("Water is"));
  const error = await refused(() => client.completions.create({ ...asked, suffix: "." }), OpenAI.BadRequestError);
  assert.equal(error.param, "suffix");
});

test("embeddings, as the SDK asks for them and as numbers", async () => {
  const input = ["A cat sits on the mat.", "Quarterly tax statements are due."];
  const usual = await client.embeddings.create({ model, input });
  const floats = await client.embeddings.create({ model, input, encoding_format: "float" });
  assert.deepEqual(usual.data.map((item) => item.index), [0, 1]);
  for (const [index, item] of usual.data.entries()) {
    assert.equal(item.embedding.length, 576);
    assert.ok(Math.abs(Math.hypot(...item.embedding) - 1) < 1e-3);
    const far = item.embedding.map((value, place) => value - floats.data[index].embedding[place]);
    assert.ok(Math.hypot(...far) < 0.02);
  }
});

test("models", async () => {
  assert.deepEqual((await gathered(client.models.list())).map((item) => item.id), [model]);
  assert.equal((await client.models.retrieve(model)).id, model);
  const error = await refused(() => client.models.retrieve("org/nope"), OpenAI.NotFoundError);
  assert.equal(error.code, "model_not_found");
});

test("errors say what is wrong and where", async () => {
  const wrong = await refused(() => client.chat.completions.create({ ...sum, temperature: 9 }), OpenAI.BadRequestError);
  assert.deepEqual([wrong.status, wrong.type, wrong.param], [400, "invalid_request_error", "temperature"]);
  assert.match(wrong.requestID, /^req_/);
  const unknown = await refused(() => client.chat.completions.create({ ...sum, model: "gpt-42" }), OpenAI.NotFoundError);
  assert.deepEqual([unknown.param, unknown.code], ["model", "model_not_found"]);
  const messages = [{ role: "user", content: "word ".repeat(2500) }];
  for (const stream of [false, true]) {
    const long = await refused(() => client.chat.completions.create({ ...sum, messages, stream }), OpenAI.BadRequestError);
    assert.deepEqual([long.param, long.code], ["messages", "context_length_exceeded"]);
  }
});

test("headers say who answered", async () => {
  const { response, request_id } = await client.chat.completions.create({ ...sum, max_tokens: 1 }).withResponse();
  assert.equal(response.headers.get("x-request-id"), request_id);
  assert.equal(response.headers.get("x-forebay-model"), model);
  assert.equal(response.headers.get("x-forebay-where"), "local");
});

test("aborting a stream or a request stops its work", async () => {
  const stream = await client.chat.completions.create({ ...endless, stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 4) stream.controller.abort();
  await idle();
  const control = new AbortController();
  const plain = client.chat.completions.create(endless, { signal: control.signal });
  const gone = refused(() => plain, OpenAI.APIUserAbortError);
  const end = Date.now() + deadline;
  for (;;) {
    const { residents } = await (await fetch(`${address}/api/ps`)).json();
    if (residents.some((resident) => resident.in_flight > 0)) break;
    assert.ok(Date.now() < end, "the request never began");
  }
  control.abort();
  await gone;
  await idle();
  await refused(() => client.chat.completions.create(endless, { timeout: 500 }), OpenAI.APIConnectionTimeoutError);
  await idle();
});
