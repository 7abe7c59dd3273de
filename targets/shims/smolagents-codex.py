"""Asks once through smolagents-codex."""

import os
import sys

from smolagents_codex import CodexOAuthError, CodexOAuthModel

message = {"role": "user", "content": [{"type": "text", "text": sys.argv[1]}]}
try:
    print(CodexOAuthModel(os.environ["LOGINPROOF_MODEL"]).generate([message]).content)
except CodexOAuthError as error:
    sys.exit(f"error: {error}")
