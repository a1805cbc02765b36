#!/bin/bash
# Healthy: this container's own slot answers that it is ready, or that it drains.
look() {
  read -r slot < /run/houseline/slot || { echo "no slot yet"; return 1; }
  exec 3<>"/dev/tcp/127.0.0.1/$((${HOUSELINE_APP_PORT:-10022} + slot))" || { echo "nobody listens"; return 1; }
  printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  answer=$(timeout 3 cat <&3)
  exec 3>&-
  said="slot $slot: ${answer%%$'\r'*}"
  [[ $answer == *" 200 "* || $answer == *draining* ]] || { echo "$said"; return 1; }
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
echo "$said"
