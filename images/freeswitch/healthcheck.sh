#!/bin/bash
# Healthy: the SIP profiles run on this container's own slot, and ESL answers there.
look() {
  [ -s /run/houseline/slot ] || { echo "no slot yet"; return 1; }
  status=$(timeout 2 fs_cli -x 'sofia status' 2>&1) || { echo "ESL does not answer: $status"; return 1; }
  for profile in houseline ${HOUSELINE_PUBLIC_IP6:+houseline6} mesh; do
    [[ $status =~ [[:space:]]$profile[[:space:]]+profile[^$'\n']*RUNNING ]] || { echo "the SIP profile '$profile' does not run: $status"; return 1; }
  done
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
echo "slot $(< /run/houseline/slot): SIP profile running"
