#!/bin/sh
# Turns what the edge is given (docs/architecture.md) into what its Caddyfile reads, and becomes Caddy.
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

exec caddy run --config "/etc/caddy/$HOUSELINE_EDGE.caddyfile" --adapter caddyfile
