#!/bin/bash
# Prints HAProxy's configuration: haproxy-conf.sh PORT, where this slot's coturn listens. It ends TLS, bounds what one address may open, and
# lets a release end without a call: told to stop it takes no new connections and keeps those that there are.
set -eu
cat <<END
global
  log stdout format raw daemon notice
  maxconn 5400
  # What a drain may take; what is left then is cut.
  hard-stop-after ${HOUSELINE_DRAIN_SECONDS:-3600}s
  stats socket /run/houseline/haproxy.sock mode 600 level admin
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  log global
  timeout connect 2s
  # A relay in use says something every few seconds; coturn itself ends one that isn't refreshed for ten minutes.
  timeout client 11m
  timeout server 11m
frontend turn
  bind $HOUSELINE_TURN_ADDRESS:$HOUSELINE_TURN_PORT
$([ -z "${HOUSELINE_TURN_TLS_PORT:-}" ] || echo "  bind $HOUSELINE_TURN_ADDRESS:$HOUSELINE_TURN_TLS_PORT ssl crt /run/houseline/tls.pem")
  # An office behind one address is many people.
  tcp-request connection track-sc0 src
  tcp-request connection reject if { sc0_conn_cur gt 2000 }
  tcp-request connection reject if { sc0_conn_rate gt 200 }
  stick-table type ip size 100k expire 1m store conn_cur,conn_rate(1s)
  default_backend coturn
backend coturn
  server coturn 127.0.0.1:$1
END
