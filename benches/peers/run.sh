#!/bin/sh
# Peers in other languages on the same bytes: installs them below target/peers, and prints how many times as fast ours is.
# Usage: benches/peers/run.sh [mix|text|tools|big]
set -eu
cd "$(dirname "$0")/../.."
kind=${1:-mix}
bench="cargo run --release --quiet -p benches --"
work=${CARGO_TARGET_DIR:-target}/peers
mkdir -p "$work"
$bench write --stream "$kind" "$work/stream"
ours=$($bench compare --stage reassembly --stream "$kind" --chunk 16384 --only nobody --json)
speed=$(printf '%s' "$ours" | sed -n 's/.*"mb_per_s": \([0-9.]*\).*/\1/p')
printf '%-36s %8.1f MB/s\n' "loginproof" "$speed"
line() { awk -v ours="$speed" '{ speed = $NF; $NF = ""; printf "%-36s %8.1f MB/s   ours over this: %.0f\n", $0, speed, ours / speed }'; }

if [ ! -d "$work/python" ]; then
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet openai
fi
"$work/python/bin/python" benches/peers/openai_python.py "$work/stream" | line

if [ ! -d "$work/node_modules" ]; then
    npm install --silent --no-audit --no-fund --prefix "$work" openai eventsource-parser
fi
cp benches/peers/node.mjs "$work/node.mjs"
node "$work/node.mjs" "$work/stream" | line
