#!/bin/bash
# Makes the root file system of the switch: the packages of packages.txt with what they depend on, extracted without
# their maintainer scripts. Runs in a Debian build stage. Usage: make-root.sh DIRECTORY
set -euo pipefail
root=$1
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

grep -v '^#' "$here/packages.txt" | xargs apt-get -qqy --no-install-recommends --download-only \
  -o Dir::State::status=/build/status -o pkgCacheGen::Essential=none -o Dir::Cache::archives=/build/debs \
  -o APT::Sandbox::User=root install

mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root/etc"
for dir in bin sbin lib lib64; do ln -s usr/$dir "$root/$dir"; done
for deb in /build/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/lintian/*' --exclude='./usr/share/bash-completion/*' --exclude='./usr/share/freeswitch/fonts/*' \
    --exclude='./usr/share/common-licenses/*' --exclude='./usr/lib/*/gconv/*' --exclude='./usr/lib/*/perl*' \
    --exclude='./etc/skel/*' --exclude='./etc/freeswitch/*' --exclude='./lib/systemd/*' --exclude='./usr/lib/systemd/*'
  # The licence of each package stays with it.
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --wildcards --keep-directory-symlink './usr/share/doc/*/copyright' 2>/dev/null || true
  dpkg-deb --showformat '${Package} ${Version} ${Architecture}\n' -W "$deb"
  # Where scanners look for packages in images without a package manager.
  mkdir -p "$root/var/lib/dpkg/status.d"
  dpkg-deb -f "$deb" > "$root/var/lib/dpkg/status.d/$(dpkg-deb -f "$deb" Package)"
done > /build/packages
# flock alone, of all util-linux.
cp /usr/bin/flock "$root/usr/bin/flock"
dpkg-query --showformat '${Package} ${Version} ${Architecture} (flock only)\n' -W util-linux >> /build/packages
mkdir -p "$root/usr/share/houseline"
LC_ALL=C sort /build/packages > "$root/usr/share/houseline/packages"

ln -sf bash "$root/usr/bin/sh"
rm -rf "$root"/usr/share/{gcc,gdb,python3,base-files} "$root"/usr/sbin/freeswitch*
echo 'root:x:0:0:root:/root:/bin/false
houseline:x:10001:10001:houseline:/run/houseline:/bin/false' > "$root/etc/passwd"
echo 'root:x:0:
houseline:x:10001:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
ldconfig -r "$root"

mkdir -p "$root"/{tmp,slots,run/houseline,run/secrets,var/lib/houseline/switch,var/lib/houseline/voicemail} "$root/usr/share/freeswitch/sounds"
chmod 1777 "$root/tmp"
# Nobody gains rights by running or owning anything here.
find "$root" -perm /6000 -exec chmod a-s {} +
chown 10001:10001 "$root"/{slots,run/houseline,var/lib/houseline/switch,var/lib/houseline/voicemail}
