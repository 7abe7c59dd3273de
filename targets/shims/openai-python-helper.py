"""Asks once through openai-python's `stream()` helper, which puts the response together itself."""

import os
import sys

import openai

try:
    with openai.OpenAI().responses.stream(model=os.environ["LOGINPROOF_MODEL"], input=sys.argv[1]) as stream:
        response = stream.get_final_response()
except (openai.OpenAIError, RuntimeError, ValueError) as error:
    sys.exit(f"error: {error}")
if response.status != "completed":
    sys.exit(f"{response.output_text}\nerror: {response.error or response.incomplete_details}")
print(response.output_text)
