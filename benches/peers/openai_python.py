"""openai-python on the stream in a file: CPU time of this process, in MB/s."""

import sys
import time

import openai

try:
    import httpx2 as httpx  # openai 3
except ImportError:
    import httpx

CHUNK = 16 * 1024
stream = open(sys.argv[1], "rb").read()


class Chunks(httpx.SyncByteStream):
    def __iter__(self):
        for at in range(0, len(stream), CHUNK):
            yield stream[at : at + CHUNK]


def answer(_request):
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Chunks())


client = openai.OpenAI(
    api_key="none",
    base_url="http://loginproof.invalid/v1",
    http_client=httpx.Client(transport=httpx.MockTransport(answer)),
)


def create():
    """Events alone."""
    text = 0
    for event in client.responses.create(model="m", input="i", stream=True):
        if event.type.endswith(".delta"):
            text += len(event.delta)
    return text


start = time.process_time()
assert create() > 0
print("openai-python create()", len(stream) / 1e6 / (time.process_time() - start), flush=True)
