"""Asks each argument, all at once, through openai-python's raw iterator over events."""

import asyncio
import os
import sys

import openai


async def ask(client, prompt):
    text, ended = "", None
    try:
        stream = await client.responses.create(model=os.environ["LOGINPROOF_MODEL"], input=prompt, stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type in ("response.completed", "response.incomplete", "response.failed"):
                ended = event.response
    except (openai.OpenAIError, ValueError) as error:
        sys.exit(f"{text}\nerror: {error}")
    if ended is None or ended.status != "completed":
        sys.exit(f"{text}\nerror: {ended and (ended.error or ended.incomplete_details) or 'the stream ended early'}")
    print(text)


async def main():
    async with openai.AsyncOpenAI() as client:
        await asyncio.gather(*(ask(client, prompt) for prompt in sys.argv[1:]))


asyncio.run(main())
