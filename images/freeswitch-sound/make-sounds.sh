#!/bin/bash
# Fills a directory with prompts and music at the rates of sounds.lock: from the published archives, or spoken by
# espeak-ng where those can't be reached. Usage: make-sounds.sh DIRECTORY [auto|published|synthetic]
set -euo pipefail
out=$1
pack=${2:-auto}
here=$(cd "$(dirname "$0")" && pwd)
rates=$(awk '$1 == "rates" { $1 = ""; print }' "$here/sounds.lock")
base=$(awk '$1 == "base" { print $2 }' "$here/sounds.lock")

# What is spoken and played must be what the lock names: the image is named by the lock alone.
awk '$1 == "input" { print $2 "  " $3 }' "$here/sounds.lock" | (cd "$here" && sha256sum --check --quiet) \
  || { echo "sounds.lock is out of date: run images/freeswitch-sound/lock.sh" >&2; exit 1; }

# language, voice of espeak-ng, folder: every prompt that isn't there yet
speak() {
  local language=$1 voice=$2 folder=$3 name text rate missing
  while IFS=$'\t' read -r name text; do
    missing=
    for rate in $rates; do
      mkdir -p "$out/$folder/${name%/*}/$rate"
      [ -e "$out/$folder/${name%/*}/$rate/${name##*/}.wav" ] || missing=yes
    done
    [ -n "$missing" ] || continue
    espeak-ng -v "$voice" -s 165 -g 3 -w /tmp/prompt.wav "$text" < /dev/null
    for rate in $rates; do
      sox -R /tmp/prompt.wav -b 16 -c 1 "$out/$folder/${name%/*}/$rate/${name##*/}.wav" \
        silence 1 0.02 0.1% reverse silence 1 0.02 0.1% reverse pad 0.1 0.15 rate -h "$rate" norm -6
    done
  done < "$here/prompts.$language.tsv"
}

# Four bars of plucked chords over a soft pad, twice, with a tail that runs into the start: it may loop for an hour.
music() {
  local rate bar=0 chord note notes=()
  mkdir -p /tmp/music
  for chord in "C3 G3 E4 B4 G4 E4" "A2 E3 C4 G4 E4 C4" "F2 C3 A3 E4 C4 A3" "G2 D3 B3 F4 D4 B3"; do
    read -ra notes <<< "$chord"
    local delay=0 parts=()
    for note in "${notes[@]}"; do
      sox -R -n -r 48000 -b 16 -c 1 "/tmp/music/$bar-$delay.wav" synth 4 pluck "$note" fade 0 4 3 gain -9 pad "0.$((delay * 6))" 2>/dev/null
      parts+=("/tmp/music/$bar-$delay.wav")
      delay=$((delay + 1))
    done
    sox -R -n -r 48000 -b 16 -c 1 "/tmp/music/$bar-pad.wav" synth 4 sine "${notes[0]}" synth 4 sine mix "${notes[2]}" fade t 0.6 4 0.6 gain -16
    sox -R -m "${parts[@]}" "/tmp/music/$bar-pad.wav" "/tmp/music/bar$bar.wav" trim 0 4
    bar=$((bar + 1))
  done
  sox -R /tmp/music/bar{0,1,2,3,0,1,3,0}.wav /tmp/music/all.wav lowpass 5000 reverb 40 norm -6
  for rate in $rates; do
    mkdir -p "$out/music/$rate"
    sox -R /tmp/music/all.wav -b 16 "$out/music/$rate/houseline.wav" rate -h "$rate" norm -12
  done
}

published() {
  local sum file
  apt-get install -qqy --no-install-recommends ca-certificates > /dev/null || return 1
  mkdir -p /tmp/archives
  while read -r _ sum file; do
    /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::https::Timeout=10 -o Acquire::Retries=1 download-file "$base$file" "/tmp/archives/$file" || return 1
    # A wrong digest is not an archive out of reach: it ends the build.
    echo "$sum  /tmp/archives/$file" | sha256sum --check --status \
      || { echo "$base$file is not what sounds.lock names (its SHA-256 is another): it was changed at its source or on its way." >&2; exit 1; }
  done < <(grep '^archive ' "$here/sounds.lock")
  for file in /tmp/archives/*.tar.gz; do tar -xzf "$file" -C "$out" --no-same-owner; done
}

mkdir -p "$out"
if [ "$pack" != synthetic ] && published; then
  echo published > "$out/PACK"
elif [ "$pack" = published ]; then
  echo "The published sound archives can't be reached at $base" >&2
  exit 1
else
  echo synthetic > "$out/PACK"
  music
fi
# The archives don't have our own prompts, and the lock has no Russian ones.
speak en en-us en/us/callie
speak ru ru ru/RU/elena
find "$out" -name '*.wav' -size -1k -print -quit | grep -q . && { echo "a sound came out empty" >&2; exit 1; }
echo "$(find "$out" -name '*.wav' | wc -l) sounds, $(du -sh "$out" | cut -f1), $(cat "$out/PACK")"
