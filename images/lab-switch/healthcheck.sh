#!/bin/bash
# Healthy: SIP over WebSocket and ESL answer on this container's own slot.
read -r slot < /run/houseline/slot || { echo "no slot yet"; exit 1; }
exec 3<>"/dev/tcp/127.0.0.1/$((${HOUSELINE_WS_PORT:-5066} + slot))" || { echo "nobody listens for SIP"; exit 1; }
printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r -t 3 sip <&3
exec 4<>"/dev/tcp/${HOUSELINE_PRIVATE_IP:-127.0.0.1}/$((${HOUSELINE_ESL_PORT:-8021} + slot))" || { echo "nobody listens for ESL"; exit 1; }
read -r -t 3 esl <&4
echo "slot $slot: $sip; $esl"
[[ $sip == *" 426 "* && $esl == *auth/request* ]]
