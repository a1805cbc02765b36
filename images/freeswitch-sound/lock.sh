#!/bin/sh
# Writes the digests of what the synthetic pack is made from into sounds.lock. Run it after editing a prompt.
set -e
cd "$(dirname "$0")"
grep -v '^input ' sounds.lock > sounds.lock.new
for file in make-sounds.sh prompts.en.tsv prompts.ru.tsv; do
  echo "input $(sha256sum "$file" | cut -d' ' -f1) $file"
done >> sounds.lock.new
mv sounds.lock.new sounds.lock
