#!/bin/bash
# Takes the first free slot and becomes the application server.
set -u
run=/run/houseline
say() { echo "app-server: $*"; }

# A slot is a kernel lock, held as descriptor 9 for as long as the server lives: a crash frees it.
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
trap - TERM INT
echo "$slot" > $run/slot
export HOUSELINE_SLOT=$slot
mapfile -t options < app/server/node-options
exec node "${options[@]}" app/server/main.ts
