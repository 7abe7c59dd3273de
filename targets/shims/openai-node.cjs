// Asks each argument, all at once, through the raw iterator over events of npm's openai.
const OpenAI = require("openai");

const client = new OpenAI();

async function ask(input) {
  let text = "";
  let ended;
  try {
    for await (const event of await client.responses.create({ model: process.env.LOGINPROOF_MODEL, input, stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      if (["response.completed", "response.incomplete", "response.failed"].includes(event.type)) ended = event.response;
    }
    if (ended?.status !== "completed") {
      throw new Error(JSON.stringify(ended?.error ?? ended?.incomplete_details ?? "the stream ended early"));
    }
    console.log(text);
  } catch (error) {
    console.error(`${text}\nerror: ${error.message}`);
    process.exitCode = 1;
  }
}

process.argv.slice(2).forEach(ask);
