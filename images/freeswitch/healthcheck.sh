#!/bin/bash
# Healthy: the SIP profile runs on this container's own slot, and ESL answers there.
[ -s /run/houseline/slot ] || { echo "no slot yet"; exit 1; }
status=$(timeout 2 fs_cli -x 'sofia status' 2>&1) || { echo "ESL does not answer: $status"; exit 1; }
[[ $status =~ [[:space:]]houseline[[:space:]]+profile[^$'\n']*RUNNING ]] || { echo "the SIP profile does not run: $status"; exit 1; }
echo "slot $(cat /run/houseline/slot): SIP profile running"
