#!/bin/bash
# Makes the root file system of the relay: the packages of packages.txt with what they depend on, extracted without their
# maintainer scripts. Runs in a Debian build stage. Usage: make-root.sh DIRECTORY. With --resolve it prints what it would
# take, as packages.lock has it.
set -euo pipefail
root=$1
[ "$1" != --resolve ] || exec 3>&1 >&2
here=$(dirname "$0")
apt-get update -qq

# Taken as installed although they are not: what packages ask for and the relay never runs.
stand_in() { printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: foreign\nMaintainer: none\nVersion: 99:0\n\n' "$@"; }
mkdir -p /build/debs/partial
architecture=$(dpkg --print-architecture)
for package in adduser debconf lsb-base mariadb-common netbase perl readline-common sqlite3 sysvinit-utils telnet; do stand_in $package "$architecture"; done > /build/status

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
[ -z "$gone" ] || { printf 'images/turn/packages.lock can not be met:\n%sType "./houseline images --update" to lock what is there.\n' "$gone" >&2; exit 1; }
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
install --download-only
for deb in ${locked:+/build/debs/*.deb}; do
  name=$(dpkg-deb -f "$deb" Package)
  grep -q "^$architecture $name [^ ]* $(sha256sum < "$deb" | cut -d' ' -f1)\$" "$lock" || { echo "images/turn/packages.lock does not have $name $(dpkg-deb -f "$deb" Version) as it came: it was changed at its source, or is new among what the others need. Type \"./houseline images --update\"." >&2; exit 1; }
done

mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root/etc"
for dir in bin sbin lib lib64; do ln -s usr/$dir "$root/$dir"; done
for deb in /build/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/lintian/*' --exclude='./usr/share/bash-completion/*' --exclude='./usr/share/common-licenses/*' --exclude='./usr/share/coturn/*' \
    --exclude='./usr/lib/*/gconv/*' --exclude='./usr/lib/*/perl*' --exclude='./etc/skel/*' --exclude='./etc/init.d/*' --exclude='./etc/default/*' \
    --exclude='./etc/turnserver.conf' --exclude='./etc/haproxy/*' --exclude='./lib/systemd/*' --exclude='./usr/lib/systemd/*'
  # The licence of each package stays with it.
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --wildcards --keep-directory-symlink './usr/share/doc/*/copyright' 2>/dev/null || true
  # Where scanners look for packages in images without a package manager.
  mkdir -p "$root/var/lib/dpkg/status.d"
  dpkg-deb -f "$deb" > "$root/var/lib/dpkg/status.d/$(dpkg-deb -f "$deb" Package)"
  dpkg-deb --showformat '${Package} ${Version} ${Architecture}\n' -W "$deb"
done > /build/packages
# flock alone, of all util-linux.
cp /usr/bin/flock "$root/usr/bin/flock"
dpkg-query --showformat '${Package} ${Version} ${Architecture} (flock only)\n' -W util-linux >> /build/packages
mkdir -p "$root/usr/share/houseline"
LC_ALL=C sort /build/packages > "$root/usr/share/houseline/packages"

ln -sf bash "$root/usr/bin/sh"
# Clients of its own, tools for its databases: the relay is asked for nothing by them.
rm -rf "$root"/usr/share/{gcc,gdb,python3,base-files} "$root"/usr/bin/turn{admin,utils_*} "$root/var/lib/turn"
echo 'root:x:0:0:root:/root:/bin/false
houseline:x:10001:10001:houseline:/run/houseline:/bin/false' > "$root/etc/passwd"
echo 'root:x:0:
houseline:x:10001:' > "$root/etc/group"
echo 'hosts: files' > "$root/etc/nsswitch.conf"
ldconfig -r "$root"
# It remembers inodes and times there: of no use to anybody, and different each time.
rm -rf "$root"/var/cache/ldconfig
mkdir -p "$root"/{tmp,slots,run/houseline,run/secrets,var/lib/houseline/certificates}
chmod 1777 "$root/tmp"
# Nobody gains rights by running or owning anything here.
find "$root" -perm /6000 -exec chmod a-s {} +
chown 10001:10001 "$root"/{slots,run/houseline,var/lib/houseline/certificates}
