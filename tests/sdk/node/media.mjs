// OpenAI's Node SDK, unmodified, makes pictures and videos with a worker that a test wrote. Run by test_node.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI, { toFile } from "openai";

import { address, deadline, gathered, refused } from "./gateway.mjs";

const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0 });
const picture = () => toFile(Buffer.from(process.env.FOREBAY_TEST_PICTURE, "base64"), "a.png", { type: "image/png" });
const kinds = (events) => events.map((event) => event.type).filter((type) => !/queued|progress/.test(type));

// The video once it is made; fails after the deadline.
async function made(video) {
  const end = Date.now() + deadline;
  for (;;) {
    const now = await client.videos.retrieve(video.id);
    if (now.status === "completed") return now;
    assert.notEqual(now.status, "failed");
    assert.ok(Date.now() < end, "it is never made");
  }
}

test("pictures: made, changed, varied, as links", async () => {
  const one = await client.images.generate({ model: "paint", prompt: "a cat", n: 2 });
  assert.equal(one.data.length, 2);
  assert.ok(Buffer.from(one.data[0].b64_json, "base64").subarray(1, 4).equals(Buffer.from("PNG")));
  const changed = await client.images.edit({ model: "paint", prompt: "a hat", image: [await picture(), await picture()], mask: await picture() });
  assert.equal(changed.size, "64x48");
  const varied = await client.images.createVariation({ model: "paint", image: await picture(), response_format: "url" });
  const linked = await fetch(varied.data[0].url);
  assert.deepEqual([linked.status, linked.headers.get("content-type")], [200, "image/png"]);
});

test("pictures: streams with their previews", async () => {
  const asked = { model: "paint", prompt: "a cat", stream: true, partial_images: 2 };
  const shown = kinds(await gathered(await client.images.generate(asked)));
  assert.deepEqual(shown, [...Array(2).fill("image_generation.partial_image"), "image_generation.completed"]);
  const changed = kinds(await gathered(await client.images.edit({ ...asked, image: await picture() })));
  assert.deepEqual(changed, [...Array(2).fill("image_edit.partial_image"), "image_edit.completed"]);
});

test("videos: made, looked at, gone on with, removed", async () => {
  const asked = { model: "film", prompt: "a cat", seconds: "4", input_reference: await picture() };
  const video = await made(await client.videos.create(asked));
  assert.deepEqual([video.object, video.progress], ["video", 100]);
  assert.equal(JSON.parse(await (await client.videos.downloadContent(video.id)).text()).task, "animate");
  const changed = await client.videos.edit({ prompt: "a dog", video: { id: video.id } });
  assert.equal(changed.remixed_from_video_id, video.id);
  const longer = await client.videos.extend({ prompt: "it runs", seconds: "4", video: { id: video.id } });
  const remixed = await client.videos.remix(video.id, { prompt: "a fox" });
  const ids = (await gathered(client.videos.list({ limit: 2 }))).map((each) => each.id);
  assert.deepEqual(ids, [remixed.id, longer.id, changed.id, video.id]);
  for (const each of [changed, longer, remixed]) await made(each);
  assert.equal((await client.videos.delete(video.id)).deleted, true);
  await refused(() => client.videos.retrieve(video.id), OpenAI.NotFoundError);
});

test("refusals name the field", async () => {
  const many = await refused(() => client.images.generate({ model: "paint", prompt: "a cat", n: 100 }), OpenAI.BadRequestError);
  assert.equal(many.param, "n");
  const short = await refused(() => client.videos.create({ model: "film", prompt: "a cat", seconds: "0" }), OpenAI.BadRequestError);
  assert.equal(short.param, "seconds");
});
