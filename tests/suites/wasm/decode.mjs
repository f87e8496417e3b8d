// Decodes frames with the WebAssembly module. usage: node decode.mjs MODULE
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]));
const { memory, buffer, open, receive, transmit } = instance.exports;
const bytes = () => new Uint8Array(memory.buffer, buffer(), 65536);

/** What comes of these bytes: [kind, length], and the payload of data. */
function got(...frame) {
  bytes().set(frame);
  const event = receive(frame.length) >>> 0;
  const [kind, length] = [event >>> 24, event & 0xffffff];
  return { kind, length, payload: Buffer.from(bytes().slice(0, kind === 1 || kind === 2 ? length : 0)).toString() };
}

open();
// RFC 6455 §5.7: a masked text message "Hello" in a single frame.
const hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
assert.deepEqual(got(...hello), { kind: 1, length: 5, payload: "Hello" });
assert.deepEqual(got(...hello.slice(0, 1)), { kind: 0, length: 5, payload: "" });
// A masked Ping, and its Pong.
assert.deepEqual(got(0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58), { kind: 9, length: 5, payload: "" });
assert.equal(transmit(), 7);
assert.deepEqual([...bytes().slice(0, 7)], [0x8a, 0x05, ...Buffer.from("Hello")]);
// An unmasked frame to a server is a protocol error (RFC 6455 §5.1): Close 1002.
assert.deepEqual(got(0x81, 0x00), { kind: 255, length: 1002, payload: "" });
assert.equal(transmit(), 4);
assert.deepEqual([...bytes().slice(0, 4)], [0x88, 0x02, 0x03, 0xea]);
console.log("a text, a Ping with its Pong, a protocol error with its Close");
