#!/bin/sh
# Writes a stand-in for debian:bookworm-slim to standard output as a tar archive: Debian's own packages, the same set and
# the same trimming (documents, manuals, locales) as the published image. Needs mmdebstrap and a Debian mirror.
set -eu
exec mmdebstrap --quiet --variant=minbase --include=tzdata \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/groff/*' \
  --dpkgopt='path-exclude=/usr/share/lintian/*' \
  --aptopt='Acquire::Languages "none"' --aptopt='Acquire::GzipIndexes "true"' \
  --customize-hook='chroot "$1" apt-get -qq -y --purge --auto-remove install usr-is-merged usrmerge- perl- perl-modules-5.36- libperl5.36- libfile-find-rule-perl- libnumber-compare-perl- libtext-glob-perl- libgdbm-compat4- libgdbm6- >/dev/null' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/cache/debconf/*-old "$1"/var/log/*.log "$1"/var/log/apt "$1"/var/cache/ldconfig/aux-cache' \
  bookworm -
