#!/bin/bash
# Turns what the edge is given (docs/architecture.md) into what its Caddyfile reads, and becomes Caddy; before a switch, Caddy and the gate.
set -eu

fail() { echo "edge: $*" >&2; exit 1; }

: "${HOUSELINE_SITE:?edge: HOUSELINE_SITE is not set: the site address, such as http://localhost:8080}"
: "${HOUSELINE_BIND:?edge: HOUSELINE_BIND is not set: the addresses to listen on}"
case ${HOUSELINE_UPSTREAMS:-} in
  '' | *[!0-9]*) fail "HOUSELINE_UPSTREAMS must be the port of slot 0 behind this edge; it is '${HOUSELINE_UPSTREAMS:-}'" ;;
esac
case ${HOUSELINE_EDGE:-} in
  switch | application) ;;
  *) fail "HOUSELINE_EDGE must be 'switch' or 'application'; it is '${HOUSELINE_EDGE:-}'" ;;
esac

HOUSELINE_SLOT_0=127.0.0.1:$HOUSELINE_UPSTREAMS
HOUSELINE_SLOT_1=127.0.0.1:$((HOUSELINE_UPSTREAMS + 1))
HOUSELINE_SLOT_2=127.0.0.1:$((HOUSELINE_UPSTREAMS + 2))
export HOUSELINE_SLOT_0 HOUSELINE_SLOT_1 HOUSELINE_SLOT_2

set -- caddy run --config "/etc/caddy/$HOUSELINE_EDGE.caddyfile" --adapter caddyfile
[ "$HOUSELINE_EDGE" = switch ] || exec "$@"

HOUSELINE_SLOTS="$HOUSELINE_SLOT_0 $HOUSELINE_SLOT_1 $HOUSELINE_SLOT_2" node --max-old-space-size=192 app/sip-gate/main.ts &
gate=$!
until [ -S /run/houseline/gate.sock ]; do
  kill -0 $gate 2>/dev/null || exit 1
  sleep 0.05
done
"$@" &
caddy=$!
# Caddy ends first, with its grace period. One that ends by itself takes the other with it: Docker starts both again.
told=
trap 'told=yes; kill -TERM $caddy 2>/dev/null || true' TERM INT
status=0
wait -n $gate $caddy || status=$?
# With nothing to do Caddy may have ended before this shell came to look; what it ended with is what counts.
if [ -n "$told" ] || kill -0 $caddy 2>/dev/null; then
  kill -TERM $caddy 2>/dev/null || true
  wait $caddy && status=0 || status=$?
fi
kill -TERM $gate 2>/dev/null || true
exit $status
