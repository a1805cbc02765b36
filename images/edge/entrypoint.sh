#!/bin/bash
# Turns what the edge is given (docs/architecture.md) into what its Caddyfile reads, and runs Caddy; before a switch, Caddy and the gate.
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

# What proves the site's name to browsers (docs/configuration.md, "tls"): files that were given, certificates of a week that the
# stack's private authority signs here, or such that are got by ACME. Certificates and keys are files of the secrets' data container.
secrets=/run/secrets
HOUSELINE_STORAGE=/run/houseline/caddy
port=${HOUSELINE_SITE##*:}
case ${HOUSELINE_TLS:-off} in
  off) HOUSELINE_TLS_OPTIONS='' HOUSELINE_TLS_SITE='' ;;
  files) HOUSELINE_TLS_OPTIONS="https_port $port" HOUSELINE_TLS_SITE="tls $secrets/tls-certificate $secrets/tls-key" ;;
  private)
    HOUSELINE_TLS_OPTIONS="https_port $port
	pki {
		ca houseline {
			root {
				cert $secrets/tls-root
			}
			intermediate {
				cert $secrets/tls-intermediate
				key $secrets/tls-intermediate-key
			}
		}
	}"
    HOUSELINE_TLS_SITE='tls {
		issuer internal {
			ca houseline
			lifetime 168h
		}
	}' ;;
  acme)
    # Kept on the host: an authority gives only so many of them.
    HOUSELINE_STORAGE=/var/lib/houseline/certificates
    [ -w $HOUSELINE_STORAGE ] || fail "can't write to $HOUSELINE_STORAGE: mount a volume there that uid $(id -u) owns"
    HOUSELINE_TLS_OPTIONS="https_port $port
	renew_interval ${HOUSELINE_RENEW_INTERVAL:-10m}"
    HOUSELINE_TLS_SITE="tls {
		issuer acme {
			dir ${HOUSELINE_ACME_DIRECTORY:?edge: HOUSELINE_ACME_DIRECTORY is not set: the address of an ACME directory}
			${HOUSELINE_ACME_EMAIL:+email $HOUSELINE_ACME_EMAIL}
			# The proof is given where the edge listens; port 80 stays closed. (RFC 8737)
			disable_http_challenge
			$([ ! -e $secrets/tls-acme-root ] || echo "trusted_roots $secrets/tls-acme-root")
		}
	}" ;;
  *) fail "HOUSELINE_TLS must be one of off, files, private, acme; it is '$HOUSELINE_TLS'" ;;
esac
export HOUSELINE_TLS_OPTIONS HOUSELINE_TLS_SITE HOUSELINE_STORAGE

HOUSELINE_SLOT_0=127.0.0.1:$HOUSELINE_UPSTREAMS
HOUSELINE_SLOT_1=127.0.0.1:$((HOUSELINE_UPSTREAMS + 1))
HOUSELINE_SLOT_2=127.0.0.1:$((HOUSELINE_UPSTREAMS + 2))
export HOUSELINE_SLOT_0 HOUSELINE_SLOT_1 HOUSELINE_SLOT_2

set -- caddy run --config "/etc/caddy/$HOUSELINE_EDGE.caddyfile" --adapter caddyfile
gate=
if [ "$HOUSELINE_EDGE" = switch ]; then
  if [ -n "${HOUSELINE_IPV6_UPSTREAM:-}" ]; then
    HOUSELINE_SLOTS_IPV6="$HOUSELINE_IPV6_UPSTREAM:$HOUSELINE_UPSTREAMS $HOUSELINE_IPV6_UPSTREAM:$((HOUSELINE_UPSTREAMS + 1)) $HOUSELINE_IPV6_UPSTREAM:$((HOUSELINE_UPSTREAMS + 2))"
    export HOUSELINE_SLOTS_IPV6
  fi
  HOUSELINE_SLOTS="$HOUSELINE_SLOT_0 $HOUSELINE_SLOT_1 $HOUSELINE_SLOT_2" node --max-old-space-size=192 app/sip-gate/main.ts &
  gate=$!
  until [ -S /run/houseline/gate.sock ]; do
    kill -0 $gate 2>/dev/null || exit 1
    sleep 0.05
  done
fi
"$@" &
caddy=$!
# Told to go: Caddy takes nobody any more and keeps who is there. The gate says goodbye to each when nothing is cut off by it; before an
# application server a moment passes in which that one, if it goes at the same time, sends people to the next a few at a time: all of
# their sockets closed at once come back at once. Then Caddy ends. One that ends by itself takes the other with it: Docker starts both again.
told=
trap 'told=yes' TERM INT
status=0
wait -n $gate $caddy || status=$?
# With nothing to do they may have ended before this shell came to look; what they ended with is what counts.
if [ -n "$told" ]; then
  touch /run/houseline/draining
  stop-listening.sh &
  if [ -n "$gate" ]; then
    kill -TERM $gate 2>/dev/null || true
    # A signal ends a wait.
    while kill -0 $gate 2>/dev/null; do wait $gate || true; done
  else
    sleep 4
  fi
fi
if [ -n "$told" ] || kill -0 $caddy 2>/dev/null; then
  kill -TERM $caddy 2>/dev/null || true
  wait $caddy && status=0 || status=$?
fi
[ -z "$gate" ] || kill -TERM $gate 2>/dev/null || true
exit $status
