// Asks once through the raw iterator over events of npm's openai.
const OpenAI = require("openai");

async function main() {
  let text = "";
  let ended;
  try {
    const request = { model: process.env.LOGINPROOF_MODEL, input: process.argv[2], stream: true };
    for await (const event of await new OpenAI().responses.create(request)) {
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

main();
