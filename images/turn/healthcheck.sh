#!/bin/bash
# Healthy: this slot's coturn answers a STUN binding request (RFC 8489, 6), and HAProxy before it runs.
look() {
  [ -s /run/houseline/slot ] && [ -s /run/houseline/port ] || { echo "no slot yet"; return 1; }
  kill -0 "$(< /run/houseline/haproxy.pid)" 2> /dev/null || { echo "HAProxy does not run"; return 1; }
  port=$(< /run/houseline/port)
  exec 3<> "/dev/tcp/127.0.0.1/$port" || { echo "coturn does not listen on $port"; return 1; }
  # Not bash's own printf, which would end at the first zero.
  /usr/bin/printf '\x00\x01\x00\x00\x21\x12\xa4\x42houselinechk' >&3
  header=$(timeout 2 head -c 20 <&3 | od -An -v -tx1 | tr -d ' \n')
  [[ $header = 0101???????????????????????????????????? ]] || { echo "coturn does not answer on $port"; return 1; }
  # All of it is read: what is closed before is an error in coturn's log.
  timeout 1 head -c $((16#${header:4:4})) <&3 > /dev/null
  exec 3>&-
}
# Docker's own ("stay"): a process begun in a container takes Docker more than the look. Once all was well, one stays and looks each second.
well=/run/houseline/well
look || { rm -f $well; exit 1; }
if [ "${1:-}" = stay ]; then
  while [ -e $well ] && [ $SECONDS -lt 8 ]; do
    sleep 1
    look || { rm -f $well; exit 1; }
  done
  : > $well
fi
echo "slot $(< /run/houseline/slot): relays to $HOUSELINE_TURN_PEERS"
