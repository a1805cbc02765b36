#!/bin/bash
# Healthy: the SIP profiles run on this container's own slot, and ESL answers there.
[ -s /run/houseline/slot ] || { echo "no slot yet"; exit 1; }
status=$(timeout 2 fs_cli -x 'sofia status' 2>&1) || { echo "ESL does not answer: $status"; exit 1; }
for profile in houseline ${HOUSELINE_PUBLIC_IP6:+houseline6} mesh; do
  [[ $status =~ [[:space:]]$profile[[:space:]]+profile[^$'\n']*RUNNING ]] || { echo "the SIP profile '$profile' does not run: $status"; exit 1; }
done
echo "slot $(cat /run/houseline/slot): SIP profile running"
