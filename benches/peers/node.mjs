// The openai package, and eventsource-parser with JSON.parse, on the stream in a file: CPU time of this process, in MB/s.
import { readFileSync } from "node:fs";
import { createParser } from "eventsource-parser";
import OpenAI from "openai";

const chunk = 16 * 1024;
const stream = readFileSync(process.argv[2]);

function* chunks() {
  for (let at = 0; at < stream.length; at += chunk) yield stream.subarray(at, at + chunk);
}

async function openai() {
  const body = ReadableStream.from(chunks());
  const fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const client = new OpenAI({ apiKey: "none", baseURL: "http://loginproof.invalid/v1", fetch });
  let text = 0;
  for await (const event of await client.responses.create({ model: "m", input: "i", stream: true })) {
    if (event.type.endsWith(".delta")) text += event.delta.length;
  }
  return text;
}

async function parser() {
  let text = 0;
  const decoder = new TextDecoder();
  const events = createParser({
    onEvent(event) {
      const data = JSON.parse(event.data);
      if (data.type.endsWith(".delta")) text += data.delta.length;
    },
  });
  for (const piece of chunks()) events.feed(decoder.decode(piece, { stream: true }));
  return text;
}

for (const [name, run] of [["openai npm package", openai], ["eventsource-parser and JSON.parse", parser]]) {
  let best = 0;
  for (let round = 0; round < 3; round += 1) {
    const start = process.cpuUsage();
    if (!((await run()) > 0)) throw new Error(`${name} found no text`);
    const { user, system } = process.cpuUsage(start);
    best = Math.max(best, stream.length / (user + system));
  }
  console.log(name, best);
}
