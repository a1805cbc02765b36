#!/bin/bash
# Makes the root file system of the switch: the packages of packages.txt with what they depend on, extracted without
# their maintainer scripts. Runs in a Debian build stage. Usage: make-root.sh DIRECTORY, which gets two trees, one to be put
# on the other: debian, and freeswitch with what comes from its own source. With --resolve it prints what it would take, as
# packages.lock has it.
set -euo pipefail
debian=$1/debian
freeswitch=$1/freeswitch
[ "$1" != --resolve ] || exec 3>&1 >&2
here=$(dirname "$0")
secret=/etc/apt/auth.conf.d/freeswitch.conf
signalwire=https://freeswitch.signalwire.com/repo/deb/debian-release

if [ -n "${FREESWITCH_APT_SOURCE:-}" ]; then
  case $FREESWITCH_APT_SOURCE in *https://*) apt-get update -qq; apt-get install -qqy --no-install-recommends ca-certificates ;; esac
  echo "$FREESWITCH_APT_SOURCE" > /etc/apt/sources.list.d/freeswitch.list
elif [ -s $secret ]; then
  apt-get update -qq
  apt-get install -qqy --no-install-recommends ca-certificates
  # apt's own downloader reads the credentials from the secret; the key is behind them too.
  /usr/lib/apt/apt-helper download-file $signalwire/signalwire-freeswitch-repo.gpg /usr/share/keyrings/signalwire-freeswitch-repo.gpg
  . /etc/os-release
  echo "deb [signed-by=/usr/share/keyrings/signalwire-freeswitch-repo.gpg] $signalwire $VERSION_CODENAME main" \
    > /etc/apt/sources.list.d/freeswitch.list
else
  echo "No source of FreeSWITCH packages: give the build argument FREESWITCH_APT_SOURCE or the secret apt-auth (docs/softswitch.md)." >&2
  exit 1
fi
apt-get update -qq

# Versions before it have known holes, two of them before anybody has to authenticate.
oldest=1.11.1
version=$(apt-cache policy freeswitch | sed -n 's/^  Candidate: //p')
case ${version:-(none)} in "(none)") echo "The apt source has no package 'freeswitch' for $(. /etc/os-release; echo "$VERSION_CODENAME") on $(dpkg --print-architecture)." >&2; exit 1 ;; esac
dpkg --compare-versions "$version" ge "$oldest~" \
  || { echo "The apt source has FreeSWITCH $version; Houseline runs $oldest or newer, without the holes that older ones have." >&2; exit 1; }

# Taken as installed although they are not: what packages ask for and the switch never runs.
stand_in() { printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: %s\nMaintainer: none\nVersion: 99:0\n\n' "$@"; }
mkdir -p /build/debs/partial
architecture=$(dpkg --print-architecture)
{
  stand_in perl "$architecture" allowed
  stand_in ssmtp "$architecture" no
  stand_in mawk "$architecture" foreign
} > /build/status

# The newest of each, or just what the lock names for this architecture.
lock=$here/packages.lock
locked=$([ "$1" = --resolve ] || awk -v a="$architecture" '$1 == a { print $2 "=" $3 }' "$lock")
gone=
for package in $locked; do
  # (apt-cache show takes another version for it, and says so in a note alone.)
  apt-cache madison "${package%%=*}" | awk -v v="${package#*=}" '$3 == v { found = 1 } END { exit !found }' && continue
  there=$(apt-cache policy "${package%%=*}" | sed -n 's/^  Candidate: //p')
  gone="$gone  ${package%%=*} ${package#*=} is gone; $([ "${there:-(none)}" = "(none)" ] && echo "no version of it is there" || echo "there is $there instead")
"
done
[ -z "$gone" ] || { printf 'images/freeswitch/packages.lock can not be met:\n%sType "./houseline images --update" to lock what is there.\n' "$gone" >&2; exit 1; }
install() {
  { [ -n "$locked" ] && echo "$locked" || grep -v '^#' "$here/packages.txt"; } | xargs apt-get -qqy --no-install-recommends "$@" \
    -o Dir::State::status=/build/status -o pkgCacheGen::Essential=none -o Dir::Cache::archives=/build/debs \
    -o APT::Sandbox::User=root install
}
if [ "$1" = --resolve ]; then
  install --simulate | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' | LC_ALL=C sort | while read -r name version; do
    echo "$architecture ${name%%:*} $version $(apt-cache show "$name=$version" | sed -n 's/^SHA256: //p' | head -1)" >&3
  done
  exit
fi
# Where each comes from: 'uri' file size hash. Of two sources with one server the path tells.
install --print-uris > /build/uris
install --download-only
for deb in ${locked:+/build/debs/*.deb}; do
  name=$(dpkg-deb -f "$deb" Package)
  grep -q "^$architecture $name [^ ]* $(sha256sum < "$deb" | cut -d' ' -f1)\$" "$lock" || { echo "images/freeswitch/packages.lock does not have $name $(dpkg-deb -f "$deb" Version) as it came: it was changed at its source, or is new among what the others need. Type \"./houseline images --update\"." >&2; exit 1; }
done
source=$(sed -n 's,^deb \(\[[^]]*\] *\)\?\([a-z]*://[^ ]*\).*,\2,p' /etc/apt/sources.list.d/freeswitch.list)
source=${source%/}/
is_freeswitch() { grep -qF "'$source" < <(grep -F " ${1##*/} " /build/uris); }

mkdir -p "$debian"/usr/{bin,sbin,lib,lib64} "$debian/etc" "$freeswitch"/usr/{bin,sbin,lib,lib64}
for tree in "$debian" "$freeswitch"; do
  for dir in bin sbin lib lib64; do ln -s usr/$dir "$tree/$dir"; done
done
for deb in /build/debs/*.deb; do
  tree=$debian
  is_freeswitch "$deb" && tree=$freeswitch
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --keep-directory-symlink \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/lintian/*' --exclude='./usr/share/bash-completion/*' --exclude='./usr/share/freeswitch/fonts/*' \
    --exclude='./usr/share/common-licenses/*' --exclude='./usr/lib/*/gconv/*' --exclude='./usr/lib/*/perl*' \
    --exclude='./etc/skel/*' --exclude='./etc/freeswitch/*' --exclude='./lib/systemd/*' --exclude='./usr/lib/systemd/*'
  # The licence of each package stays with it.
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --wildcards --keep-directory-symlink './usr/share/doc/*/copyright' 2>/dev/null || true
  # Where scanners look for packages in images without a package manager.
  mkdir -p "$tree/var/lib/dpkg/status.d"
  dpkg-deb -f "$deb" > "$tree/var/lib/dpkg/status.d/$(dpkg-deb -f "$deb" Package)"
  dpkg-deb --showformat '${Package} ${Version} ${Architecture}\n' -W "$deb"
done > /build/packages
[ -e "$freeswitch/var/lib/dpkg/status.d/freeswitch" ] || { echo "The package freeswitch did not come from $source" >&2; exit 1; }
# flock alone, of all util-linux.
cp /usr/bin/flock "$debian/usr/bin/flock"
dpkg-query --showformat '${Package} ${Version} ${Architecture} (flock only)\n' -W util-linux >> /build/packages
mkdir -p "$freeswitch/usr/share/houseline"
LC_ALL=C sort /build/packages > "$freeswitch/usr/share/houseline/packages"

ln -sf bash "$debian/usr/bin/sh"
rm -rf "$debian"/usr/share/{gcc,gdb,python3,base-files} "$freeswitch"/usr/sbin/freeswitch*
echo 'root:x:0:0:root:/root:/bin/false
houseline:x:10001:10001:houseline:/run/houseline:/bin/false' > "$debian/etc/passwd"
echo 'root:x:0:
houseline:x:10001:' > "$debian/etc/group"
echo 'hosts: files dns' > "$debian/etc/nsswitch.conf"
# The linker's cache is of both.
cp -al "$debian" /build/both
cp -al "$freeswitch"/usr /build/both/
ldconfig -r /build/both
mkdir -p "$freeswitch/etc"
cp /build/both/etc/ld.so.cache "$freeswitch/etc/ld.so.cache"
# It remembers inodes and times there: of no use to anybody, and different each time.
rm -rf "$debian"/var/cache/ldconfig
for dir in bin sbin lib lib64; do rm "$freeswitch/$dir"; done
rmdir --ignore-fail-on-non-empty "$freeswitch"/usr/{bin,sbin,lib64}

mkdir -p "$debian"/{tmp,slots,run/houseline,run/secrets,var/lib/houseline/switch,var/lib/houseline/voicemail} "$freeswitch/usr/share/freeswitch/sounds"
chmod 1777 "$debian/tmp"
# Nobody gains rights by running or owning anything here.
find "$debian" "$freeswitch" -perm /6000 -exec chmod a-s {} +
chown 10001:10001 "$debian"/{slots,run/houseline,var/lib/houseline/switch,var/lib/houseline/voicemail}
