"""Events on stdin, as httpx-sse finds them in a response: one JSON object per line."""

import json
import sys

import httpx
import httpx_sse

pieces = iter(lambda: sys.stdin.buffer.read1(65536), b"")
response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces)
for event in httpx_sse.EventSource(response).iter_sse():
    print(json.dumps({"event": event.event, "data": event.data, "id": event.id}), flush=True)
