// Events on stdin, as eventsource-parser finds them: one JSON object per line.
const { createParser } = require("eventsource-parser");

const parser = createParser({
  onEvent: ({ event, data, id }) => process.stdout.write(JSON.stringify({ event, data, id }) + "\n"),
});
const text = new TextDecoder();
process.stdin.on("data", (piece) => parser.feed(text.decode(piece, { stream: true })));
