// What the programs beside this one share: where the gateway is, and how to wait for it and to be refused by it.
import assert from "node:assert/strict";

export const address = process.env.FOREBAY_TEST_URL;
export const model = process.env.FOREBAY_TEST_MODEL;
export const deadline = 60_000;
export const place = { type: "object", properties: { city: { type: "string", maxLength: 20 } }, required: ["city"] };

// Asks the gateway until it counts no request; fails after the deadline.
export async function idle() {
  const end = Date.now() + deadline;
  for (;;) {
    const { residents } = await (await fetch(`${address}/api/ps`)).json();
    if (residents.every((resident) => resident.in_flight === 0)) return;
    assert.ok(Date.now() < end, "a request is still being worked on");
  }
}

// The error of a call that must fail, of that class.
export async function refused(call, kind) {
  const error = await call().then(
    () => assert.fail("it was not refused"),
    (reason) => reason,
  );
  assert.ok(error instanceof kind, `${error?.constructor?.name}: ${error?.message}`);
  return error;
}

// Everything that an iterator gives.
export async function gathered(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}
