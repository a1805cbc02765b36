#!/bin/bash
# Prints coturn's configuration for one slot: coturn-conf.sh PORT FIRST LAST, where it listens and its relays' ports. (turnserver(1))
set -eu
[ -s /run/secrets/turn-secret ] || { echo "turn: /run/secrets/turn-secret is missing or empty" >&2; exit 78; }
cat <<END
# HAProxy alone speaks to it; browsers come by TCP, so there is nothing to be reflected at anybody.
listening-ip=127.0.0.1
listening-port=$1
no-udp
no-tls
no-dtls
relay-ip=$HOUSELINE_RELAY_ADDRESS
min-port=$2
max-port=$3
# To the switch's media by UDP, and to nothing else: else it would be a way into the network behind it.
no-tcp-relay
no-multicast-peers
denied-peer-ip=0.0.0.0-255.255.255.255
denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
$(for peer in $HOUSELINE_TURN_PEERS; do echo "allowed-peer-ip=$peer"; done)
$(case " $HOUSELINE_TURN_PEERS" in *' 127.'*) echo allow-loopback-peers ;; esac)
# Whom the application server gave a user name that ends and a password made of it with this. ("A REST API For Access To TURN Services")
use-auth-secret
static-auth-secret=$(cat /run/secrets/turn-secret)
realm=$HOUSELINE_DOMAIN
stale-nonce=600
no-cli
no-rfc5780
no-stun-backward-compatibility
no-software-attribute
# Relays of one session and of all; bytes a second of each, several times a voice; seconds to allocate one.
user-quota=60
total-quota=5000
max-bps=64000
max-allocate-timeout=20
userdb=/run/houseline/turn.db
pidfile=/run/houseline/turnserver.pid
log-file=stdout
simple-log
END
