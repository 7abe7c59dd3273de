"""codex-backend-sdk: `login` by device code, `ask PROMPT`, `logout`, `status`."""

import os
import sys

from codex_backend_sdk import CodexClient

client, command = CodexClient(), sys.argv[1]
try:
    if command == "login":
        client.authenticate_device_code()
        print("Signed in.")
    elif command == "ask":
        client.authenticate(interactive=False)
        print(client.responses.create(model=os.environ["LOGINPROOF_MODEL"], input=sys.argv[2]).output_text)
    elif command == "logout":
        client.authenticate(interactive=False).revoke()
    else:
        client.authenticate(interactive=False)
        print("Signed in.")
except (OSError, RuntimeError, ValueError) as error:
    sys.exit(f"error: {error}")
