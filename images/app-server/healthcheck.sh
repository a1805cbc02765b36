#!/bin/bash
# Healthy: this container's own slot answers that it is ready, or that it drains.
read -r slot < /run/houseline/slot || { echo "no slot yet"; exit 1; }
exec 3<>"/dev/tcp/127.0.0.1/$((${HOUSELINE_APP_PORT:-10022} + slot))" || { echo "nobody listens"; exit 1; }
printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
answer=$(timeout 3 cat <&3)
echo "slot $slot: ${answer%%$'\r'*}"
[[ $answer == *" 200 "* || $answer == *draining* ]]
