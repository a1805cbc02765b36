#!/bin/bash
# Takes the first free slot, derives every port from it, runs FreeSWITCH and drains on SIGTERM.
set -u
run=/run/houseline
keep=/var/lib/houseline/switch
say() { echo "houseline: $*"; }

# ESL and the mesh are for private addresses: RFC 1918, loopback, and RFC 6598 (carrier-grade NAT).
address='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
private="(10\.$address|127\.$address|172\.(1[6-9]|2[0-9]|3[01])|192\.168|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\.$address\.$address"
refuse_public() {
  [[ $2 =~ ^$private$ ]] || { say "$1 has '$2', which is no private IPv4 address: ESL and the mesh are never on or open to a public one" >&2; exit 64; }
}
own=${HOUSELINE_PRIVATE_IP:-127.0.0.1}
refuse_public HOUSELINE_PRIVATE_IP "$own"
read -ra peers <<< "${HOUSELINE_PEERS:-}"
for peer in "${peers[@]}"; do refuse_public HOUSELINE_PEERS "$peer"; done
[[ " ${peers[*]} " == *" $own "* ]] || peers+=("$own")

# A slot is a kernel lock, held as descriptor 9 by this process and by FreeSWITCH: a crash frees it.
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
echo "$slot" > $run/slot
chmod 644 $run/slot
mkdir -p $run/{db,log,run,certs,storage}

export TERM=dumb
# Parts of the configuration that not every host has (conf/optional).
[ -z "${HOUSELINE_INTERNAL_IP:-}" ] || export HOUSELINE_NAT=nat
[ -z "${HOUSELINE_PUBLIC_IP6:-}" ] || export HOUSELINE_IPV6=ipv6
export HOUSELINE_SLOT_WS_PORT=$((${HOUSELINE_WS_PORT:-5066} + slot))
export HOUSELINE_SLOT_SIP_PORT=$((${HOUSELINE_SIP_PORT:-5080} + slot))
export HOUSELINE_SLOT_ESL_PORT=$((${HOUSELINE_ESL_PORT:-8021} + slot))
export HOUSELINE_SLOT_RTP_FIRST=$((${HOUSELINE_RTP_PORT:-16384} + slot * 5460))
export HOUSELINE_SLOT_RTP_LAST=$((HOUSELINE_SLOT_RTP_FIRST + 5459))
say "slot $slot: SIP over WebSocket $HOUSELINE_SLOT_WS_PORT, mesh $HOUSELINE_SLOT_SIP_PORT, ESL $HOUSELINE_SLOT_ESL_PORT, RTP $HOUSELINE_SLOT_RTP_FIRST-$HOUSELINE_SLOT_RTP_LAST"

# One directory binding for each address given, asked in this order (conf/freeswitch.xml).
read -ra urls <<< "${HOUSELINE_DIRECTORY_URLS:-}"
[ ${#urls[@]} -gt 0 ] || say "HOUSELINE_DIRECTORY_URLS is empty: nobody can sign in"
[ ${#urls[@]} -le 9 ] || { say "HOUSELINE_DIRECTORY_URLS has more than nine addresses" >&2; exit 64; }
{
  echo '<include>'
  for n in "${!urls[@]}"; do
    [[ ${urls[n]} =~ ^https?://[A-Za-z0-9.:-]+/[A-Za-z0-9./_-]*$ ]] || { say "HOUSELINE_DIRECTORY_URLS has '${urls[n]}', which is no http address" >&2; exit 64; }
    # FreeSWITCH itself puts the password in.
    printf '  <binding name="application-%s">\n    <param name="gateway-url" value="%s" bindings="directory"/>\n    <param name="gateway-credentials" value="switch:$${directory_password}"/>\n    <param name="auth-scheme" value="basic"/>\n    <param name="timeout" value="1"/>\n  </binding>\n' \
      "$((n + 1))" "${urls[n]}"
  done
  echo '</include>'
} > $run/directories.xml

# Who may speak to ESL: this switch itself and the hosts of the directory, which are the application servers'. To the mesh: its peers.
export HOUSELINE_ESL_ADDRESSES=$own/32
for url in "${urls[@]}"; do
  host=${url#*://} host=${host%%[:/]*}
  [[ ,$HOUSELINE_ESL_ADDRESSES, == *",$host/32,"* ]] || { [[ $host =~ ^$private$ ]] && HOUSELINE_ESL_ADDRESSES+=,$host/32; } \
    || say "the directory at $url has no private IPv4 address: ESL is not open to it"
done
HOUSELINE_MESH_ADDRESSES=$(IFS=,; echo "${peers[*]/%//32}")
export HOUSELINE_MESH_ADDRESSES

for secret in esl-password mesh-password; do
  [ -s /run/secrets/$secret ] || { say "/run/secrets/$secret is missing or empty" >&2; exit 78; }
done
# fs_cli reads its password from here: on its command line every process could see it.
printf '[default]\nhost => %s\nport => %s\npassword => %s\n' \
  "$own" "$HOUSELINE_SLOT_ESL_PORT" "$(cat /run/secrets/esl-password)" > $run/.fs_cli_conf

# The DTLS certificate (RSA 4096, seconds of work) is made once and kept on the host. FreeSWITCH wants one for TLS
# WebSockets too, which the edge serves instead: the same file does.
certificate=dtls-srtp.pem
if [ -s $keep/$certificate ]; then
  cp $keep/$certificate $run/certs/$certificate
  cp $keep/$certificate $run/certs/wss.pem
fi

# By itself it asks for real time, and calls it an error not to get it.
[ "$(ulimit -r)" = 0 ] && priority=-np || priority=
# Line by line: the standard output of a container is a pipe.
stdbuf -oL freeswitch $priority -nonat -nocal -c -elegant-term -conf /etc/freeswitch -db $run/db -log $run/log -run $run/run \
  -certs $run/certs -temp /tmp -storage $run/storage -recordings $run/storage -cache $run/storage </dev/null &
switch=$!

# Which peers answer, told to the dialplan (conf/dialplan/mesh.xml) whenever that changes: so a call never waits for one that isn't there.
follow_peers() {
  local known= up peer n port fd fds names i left end
  while sleep 1; do
    up= fds=() names=()
    for peer in "${peers[@]}"; do
      for n in 0 1 2; do
        port=$((${HOUSELINE_SIP_PORT:-5080} + n))
        [ "$peer:$n" != "$own:$slot" ] && exec {fd}<>"/dev/udp/$peer/$port" || continue
        # Not bash's own printf, which sends every line as a datagram.
        /usr/bin/printf 'OPTIONS sip:%s:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s>;tag=%s\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n' \
          "$peer" "$port" "$own" "$SRANDOM$SRANDOM" "$own" "$SRANDOM" "$peer" "$SRANDOM$SRANDOM" >&$fd
        fds+=("$fd") names+=("$peer:$port")
      done
    done
    # One that isn't there refuses at once, on another host perhaps never: all of them together have a second.
    end=$((${EPOCHREALTIME/[^0-9]/} + 990000))
    for i in "${!fds[@]}"; do
      left=$((end - ${EPOCHREALTIME/[^0-9]/}))
      printf -v left '0.%06d' $((left > 10000 ? left : 10000))
      read -r -N 1 -t "$left" -u "${fds[i]}" && up+=,LEG@${names[i]}^~mesh@mesh.${HOUSELINE_DOMAIN:-houseline.local}
      exec {fds[i]}>&-
    done
    [ "$up" != "$known" ] && timeout 5 fs_cli -x "global_setvar houseline_mesh=$up" > /dev/null && known=$up
  done
} 2> /dev/null

# FreeSWITCH 1.11.1 sometimes never ends after its last call: mod_sofia keeps a lock on a profile after some MESSAGE_WAITING events,
# and waits for itself. Nothing is lost then. It takes two seconds when it does end.
end_what_hangs() {
  local idle=0 channels
  while sleep 1; do
    channels=$(timeout 1 fs_cli -x 'show channels count' 2> /dev/null)
    [[ $channels =~ (^|[[:space:]])[1-9][0-9]*\ total ]] && idle=0 || idle=$((idle + 1))
    [ $idle -lt 3 ] || break
  done
  say "no call is left, and FreeSWITCH does not end by itself: ending it"
  touch $run/ended
  kill -KILL $switch
}

# The first signal drains: calls in progress go on, strangers get 503 (conf/dialplan/callers.xml), the process ends after its
# last call. At the drain limit what is left is hung up. Pages are handed the newer switch already, but not all of them are
# there yet, least of all where the application server was replaced with it: for ten seconds more their calls are taken here.
drain() {
  trap '' TERM INT
  say "draining, for at most ${HOUSELINE_DRAIN_SECONDS:-3600} s"
  timeout 5 fs_cli -x 'global_setvar houseline_draining=true' > /dev/null || say "FreeSWITCH did not answer on ESL"
  (
    # With a call left, FreeSWITCH may know at once: it tells the application server, and waits.
    [[ $(timeout 1 fs_cli -x 'show channels count' 2> /dev/null) =~ (^|[[:space:]])[1-9][0-9]*\ total ]] && kill -TERM $switch && told=yes
    { sleep 10; timeout 5 fs_cli -x 'global_setvar houseline_refusing=true'; } > /dev/null &
    # Nobody talks: it goes when everybody is at the newer one, or a moment later all the same: who is still signed in here comes back there when the
    # socket goes. A call that came in while it ends would come to nothing.
    if [ -z "${told:-}" ]; then
      sleep 2
      for _ in 1 2 3 4 5 6 7 8; do
        [[ $(timeout 1 fs_cli -x 'show registrations count' 2> /dev/null) =~ (^|[[:space:]])[1-9][0-9]*\ total ]] || break
        sleep 0.5
      done
      kill -TERM $switch 2>/dev/null
    fi
    end_what_hangs
  ) 9>&- &
  ( sleep "${HOUSELINE_DRAIN_SECONDS:-3600}" 9>&-
    say "drain limit reached: hanging up what is left"
    timeout 5 fs_cli -x 'hupall NORMAL_CLEARING' ) 9>&- &
}
trap drain TERM INT

# Not ready by the deadline: exit, and free the slot.
(
  for _ in {1..150}; do
    sleep 0.2
    healthcheck.sh > /dev/null 2>&1 || continue
    say "ready in $SECONDS s"
    # Until then whoever is not there may be on the way. (conf/dialplan/outcome.xml)
    fs_cli -x "global_setvar houseline_settled=$(($(date +%s) + 30))" > /dev/null
    # Every X-PRE-PROCESS variable is a global one too; what is configured with them has been.
    for secret in esl_password directory_password mesh_password; do fs_cli -x "global_setvar $secret=" > /dev/null; done
    [ -s $keep/$certificate ] || { cp $run/certs/$certificate $keep/.$$ && mv $keep/.$$ $keep/$certificate; }
    follow_peers
  done
  say "not ready after 30 s: giving up" >&2
  kill -KILL $switch
) 9>&- &

while :; do
  wait $switch
  code=$?
  kill -0 $switch 2>/dev/null || break
done
say "FreeSWITCH ended with $code"
[ ! -e $run/ended ] || code=0
exit $code
