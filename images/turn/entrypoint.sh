#!/bin/bash
# Takes the first free slot, runs coturn on its ports and HAProxy before it. SIGTERM drains: no new connections, and it ends when the last
# relayed call has ended, or at the drain limit.
set -u
run=/run/houseline
say() { echo "houseline: $*"; }
fail() { say "$1" >&2; exit 64; }

address='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
address="$address\.$address\.$address\.$address"
for name in HOUSELINE_TURN_ADDRESS HOUSELINE_RELAY_ADDRESS; do [[ ${!name:-} =~ ^$address$ ]] || fail "$name must be an IPv4 address of this host; it is '${!name:-}'"; done
# A range, or every address, would open the network behind this host to whoever has an account.
[[ ${HOUSELINE_TURN_PEERS:-} =~ ^$address(\ $address)*$ ]] || fail "HOUSELINE_TURN_PEERS must be the addresses of the switches' media, separated by a space; it is '${HOUSELINE_TURN_PEERS:-}'"
[[ " $HOUSELINE_TURN_PEERS" != *' 0.0.0.0'* ]] || fail "HOUSELINE_TURN_PEERS has 0.0.0.0, which is no address of a switch"
for name in HOUSELINE_TURN_PORT HOUSELINE_TURN_LOCAL_PORT HOUSELINE_RELAY_PORT HOUSELINE_RELAY_PORTS; do [[ ${!name:-} =~ ^[1-9][0-9]{0,4}$ ]] || fail "$name must be a number; it is '${!name:-}'"; done
: "${HOUSELINE_DOMAIN:?turn: HOUSELINE_DOMAIN is not set: the SIP domain}"
if [ -n "${HOUSELINE_TURN_TLS_PORT:-}" ]; then
  case ${HOUSELINE_TLS:-} in files | private | acme) ;; *) fail "HOUSELINE_TURN_TLS_PORT is given, and HOUSELINE_TLS is '${HOUSELINE_TLS:-}': it must be one of files, private, acme" ;; esac
  : "${HOUSELINE_TURN_SITE:?turn: HOUSELINE_TURN_SITE is not set: the name that browsers reach the relay by}"
fi

# A slot is a kernel lock, held as descriptor 9 by this process, coturn and HAProxy: a crash frees it. Two releases share the port that
# browsers come to (SO_REUSEPORT); those of their relays must be apart.
slot=
take_slot() {
  local n
  for n in 0 1 2; do
    exec 9>"/slots/slot$n.lock" || { say "can't write to /slots: mount a volume there that uid $(id -u) owns" >&2; exit 70; }
    flock -n 9 && { slot=$n; return 0; }
  done
  return 1
}
until take_slot; do
  [ -n "${waiting:-}" ] || say "all three slots are taken: waiting for one to become free"
  waiting=yes
  # In the background, so that a signal ends the wait at once.
  trap 'exit 0' TERM INT
  sleep 1 & wait $!
done
umask 077
local=$((HOUSELINE_TURN_LOCAL_PORT + slot))
first=$((HOUSELINE_RELAY_PORT + slot * HOUSELINE_RELAY_PORTS))
last=$((first + HOUSELINE_RELAY_PORTS - 1))
echo "$slot" > $run/slot
echo "$local" > $run/port
chmod 644 $run/slot $run/port
say "slot $slot: relays to $HOUSELINE_TURN_PEERS from ports $first-$last"

# Files of this user alone: on a command line every process of the host could see the secret.
coturn-conf.sh $local $first $last > $run/turnserver.conf || exit
haproxy-conf.sh $local > $run/haproxy.cfg || exit
[ -z "${HOUSELINE_TURN_TLS_PORT:-}" ] || certificate.sh put || fail "the certificate for $HOUSELINE_TURN_SITE could not be made ready"

turnserver -c $run/turnserver.conf < /dev/null &
coturn=$!
haproxy -db -f $run/haproxy.cfg < /dev/null &
haproxy=$!
echo $haproxy > $run/haproxy.pid
chmod 644 $run/haproxy.pid
[ -z "${HOUSELINE_TURN_TLS_PORT:-}" ] || certificate.sh follow 9>&- &

told=
drain() {
  trap '' TERM INT
  told=yes
  say "draining, for at most ${HOUSELINE_DRAIN_SECONDS:-3600} s"
  # A soft stop: it closes its ports, and ends with its last connection. (HAProxy Management Guide, "Stopping and restarting HAProxy")
  kill -USR1 $haproxy 2> /dev/null
}
trap drain TERM INT

# Whichever ends by itself takes the other with it: Docker starts both again.
while :; do
  wait -n $coturn $haproxy
  code=$?
  kill -0 $coturn 2> /dev/null && kill -0 $haproxy 2> /dev/null || break
done
[ -n "$told" ] && code=0
[ -n "$told" ] && say "the last relayed call has ended" || say "coturn or HAProxy ended with $code" >&2
kill -TERM $coturn $haproxy 2> /dev/null
exit $code
