// OpenAI's Node SDK, unmodified, on the Responses API over a real model. Run by test_node.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { address, gathered, idle, model, place, refused } from "./gateway.mjs";

const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0, timeout: 90_000 });
const sum = { model, input: "What is 2+2?", temperature: 0, max_output_tokens: 16 };
const weather = { type: "function", name: "get_weather", parameters: place, strict: false };
const forced = { ...sum, max_output_tokens: 100, tools: [weather], tool_choice: { type: "function", name: "get_weather" } };

test("a response, whole and streamed, says the same", async () => {
  await client.responses.create(sum); // fills the cache: a prompt in one share or two may round otherwise
  const whole = await client.responses.create(sum);
  assert.equal(whole.object, "response");
  assert.ok(whole.output_text.length > 0);
  assert.equal(whole.usage.total_tokens, whole.usage.input_tokens + whole.usage.output_tokens);
  const events = await gathered(await client.responses.create({ ...sum, stream: true }));
  assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
  assert.equal(events[0].type, "response.created");
  const said = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
  assert.equal(said.join(""), whole.output_text);
  const last = events.at(-1);
  assert.equal(last.type, whole.status === "completed" ? "response.completed" : "response.incomplete");
  assert.deepEqual(last.response.usage.output_tokens, whole.usage.output_tokens);
});

test("the stream helper gathers a whole response", async () => {
  const stream = client.responses.stream(sum);
  let text = "";
  stream.on("response.output_text.delta", (event) => (text += event.delta));
  const answer = await stream.finalResponse();
  assert.ok(text.length > 0);
  assert.equal(answer.output_text, text);
});

test("it goes on from what is stored, until that is deleted", async () => {
  const first = await client.responses.create({ ...sum, input: "My name is Ada." });
  const next = { ...sum, input: "What is my name?", previous_response_id: first.id };
  const second = await client.responses.create(next);
  assert.equal(second.previous_response_id, first.id);
  assert.ok(second.usage.input_tokens > first.usage.input_tokens + 10);
  assert.equal((await client.responses.retrieve(first.id)).output_text, first.output_text);
  const items = await gathered(client.responses.inputItems.list(second.id, { order: "asc", limit: 2 }));
  assert.deepEqual(items.map((item) => item.role), ["user", "assistant", "user"]);
  assert.equal(items[0].content[0].text, "My name is Ada.");
  await client.responses.delete(first.id);
  const gone = await refused(() => client.responses.retrieve(first.id), OpenAI.NotFoundError);
  assert.equal(gone.code, "response_not_found");
  const lost = await refused(() => client.responses.create(next), OpenAI.BadRequestError);
  assert.deepEqual([lost.param, lost.code], ["previous_response_id", "previous_response_not_found"]);
});

test("a forced call, whole and streamed, and the way back with its result", async () => {
  const first = await client.responses.create(forced);
  const call = first.output.find((item) => item.type === "function_call");
  assert.equal(call.name, "get_weather");
  assert.equal(typeof JSON.parse(call.arguments).city, "string");
  const streamed = await client.responses.stream(forced).finalResponse();
  assert.equal(streamed.output.find((item) => item.type === "function_call").arguments, call.arguments);
  const result = { type: "function_call_output", call_id: call.call_id, output: "It is 17 degrees and raining." };
  const asked = { ...sum, tools: [weather], input: [result], previous_response_id: first.id };
  const second = await client.responses.create(asked);
  assert.ok(second.usage.input_tokens > first.usage.input_tokens + 15);
});

test("a schema is enforced and parsed", async () => {
  const properties = { continent: { enum: ["Europe", "Asia"] }, old: { type: "boolean" } };
  const schema = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
  const format = { type: "json_schema", name: "city", strict: true, schema };
  const answer = await client.responses.parse({ ...sum, max_output_tokens: 60, text: { format } });
  assert.deepEqual(Object.keys(answer.output_parsed).sort(), ["continent", "old"]);
});

test("errors say what is wrong and where", async () => {
  const wrong = await refused(() => client.responses.create({ ...sum, temperature: 9 }), OpenAI.BadRequestError);
  assert.equal(wrong.param, "temperature");
  assert.match(wrong.requestID, /^req_/);
  for (const stream of [false, true]) {
    const long = await refused(() => client.responses.create({ ...sum, input: "word ".repeat(2500), stream }), OpenAI.BadRequestError);
    assert.equal(long.code, "context_length_exceeded");
  }
});

test("aborting a stream stops its work", async () => {
  const stream = await client.responses.create({ ...sum, input: "Tell a long story.", max_output_tokens: 1500, stream: true });
  let seen = 0;
  for await (const event of stream) if (event.type === "response.output_text.delta" && ++seen === 3) stream.controller.abort();
  await idle();
});
