"""Asks once through openai-python's raw iterator over events."""

import os
import sys

import openai

text, ended = "", None
try:
    for event in openai.OpenAI().responses.create(model=os.environ["LOGINPROOF_MODEL"], input=sys.argv[1], stream=True):
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type in ("response.completed", "response.incomplete", "response.failed"):
            ended = event.response
except (openai.OpenAIError, ValueError) as error:
    sys.exit(f"{text}\nerror: {error}")
if ended is None or ended.status != "completed":
    sys.exit(f"{text}\nerror: {ended and (ended.error or ended.incomplete_details) or 'the stream ended early'}")
print(text)
