#!/bin/bash
# The package smd of build/packages (scripts/package) on bare trees of Debian 12: it installs with its
# dependencies, smd runs services and smctl operates it, without systemd; then systemd boots there as
# PID 1 of a container, with the system's manager and a user's own: kill -9, restart, upgrade, reexec
# keep the pids of all services. At last it is purged.
# usage: tests/package/debian.sh [TREE]; a tree that is not there is made by debootstrap [build/bookworm].
# Ends with 77 and the reason where something that it needs is missing. Takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
  echo "skipped: $*"
  exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root"
command -v debootstrap > /dev/null || skip "needs debootstrap"
packages=(build/packages/smd_*.deb)
[ -e "${packages[0]}" ] || skip "there is no package: scripts/package"
grep -qw overlay /proc/filesystems || skip "needs overlayfs"
cgroups=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
[ -w "$cgroups/cgroup.procs" ] || skip "needs a cgroup2 hierarchy that can be written"
# What is mounted here goes with this process.
[ -n "${SM_OWN_MOUNTS:-}" ] || exec unshare -m env SM_OWN_MOUNTS=1 "$0" "$@"

tree=${1:-build/bookworm}
if [ ! -e "$tree.whole" ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
    'Codename: bookworm' | head -n 1)
  [ -n "$mirror" ] || skip "apt knows no mirror of bookworm"
  echo "== debootstrap $tree"
  rm -rf "$tree"
  debootstrap --variant=minbase bookworm "$tree" "$mirror" > "$tree.log" 2>&1 || skip "debootstrap failed: $tree.log"
  touch "$tree.whole"
fi
tree=$(realpath "$tree")

work=$(mktemp -d)
root=$work/root
group=$cgroups/sm-package-test-$$
outer=
finish() {
  [ -z "$outer" ] || kill -KILL "$outer" 2> /dev/null || true
  { wait; } 2> /dev/null
  # Its processes go with their PID 1, but not at once.
  for _ in $(seq 50); do
    [ -d "$group" ] || break
    find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || read -rt 0.1 <> <(:) || true
  done
  umount -R "$root" 2> /dev/null || true
  rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work" "$root"
mkdir "$root/test"
cp tests/package/{inside,without_systemd,with_systemd}.sh "$root/test"
cp "${packages[0]}" "$root/test/smd.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"

# The same package as a later version of another build.
dpkg-deb -R "${packages[0]}" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
python3 - "$work/next/usr/bin/smd" <<'PY'
import subprocess, sys
notes = subprocess.check_output(["readelf", "-n", sys.argv[1]], text=True)
build = bytes.fromhex(notes.split("Build ID: ")[1].split()[0])
data = open(sys.argv[1], "rb").read()
assert data.count(build) == 1
open(sys.argv[1], "wb").write(data.replace(build, bytes([build[0] ^ 1]) + build[1:]))
PY
dpkg-deb -b --root-owner-group "$work/next" "$root/test/next.deb" > /dev/null

clean=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
# in_tree COMMAND...: with /proc and /dev, the host's network, and no process of the host's.
in_tree() {
  unshare -m -p --fork --kill-child bash -c '
    mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' \
    "$root" "${clean[@]}" "$@"
}

echo "== installs on the bare tree"
in_tree apt-get update -qq
in_tree apt-get install -y -qq --no-install-recommends /test/smd.deb > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
in_tree smd --version

echo "== without systemd"
in_tree bash /test/without_systemd.sh

echo "== under systemd"
in_tree apt-get install -y -qq --no-install-recommends systemd systemd-sysv libpam-systemd dbus dbus-user-session \
  > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
chroot "$root" useradd -m -s /bin/bash tester
mkdir -p "$root/var/lib/systemd/linger"
touch "$root/var/lib/systemd/linger/tester"

# PID 1 of a container with everything of its own but the file system's kernel.
mkdir "$group"
(
  echo "$BASHPID" > "$group/cgroup.procs"
  exec unshare -C -m -p -u -i -n --fork --kill-child bash -c '
    set -e
    mount -t proc proc "$0/proc"
    mount -t sysfs sysfs "$0/sys"
    mount -t cgroup2 cgroup2 "$0/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$0/run"
    mount -t tmpfs -o mode=755 tmpfs "$0/dev"
    for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9" "console 3"; do
      mknod -m 666 "$0/dev/${node% *}" c 1 "${node#* }"
    done
    mkdir "$0/dev/shm" "$0/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$0/dev/pts"
    ln -s pts/ptmx "$0/dev/ptmx"
    ln -s /proc/self/fd "$0/dev/fd"
    exec chroot "$0" env -i container=sm /lib/systemd/systemd' "$root"
) > "$work/boot" 2>&1 &
outer=$!
for _ in $(seq 100); do
  init=$(pgrep -P "$outer" || true)
  [ -n "$init" ] && nsenter -t "$init" -a -r -w test -S /run/systemd/private 2> /dev/null && break
  read -rt 0.1 <> <(:) || true
done
booted() { nsenter -t "$init" -m -u -i -n -p -C -r -w "${clean[@]}" "$@"; }
booted systemctl is-system-running --wait || true
booted systemctl --no-pager --failed

booted bash /test/with_systemd.sh system /test/next.deb
echo "== under systemd --user"
# The system's manager, which upgrades restart, runs none of the ten meanwhile.
mv "$root/etc/sm/conf.d/ten.toml" "$root/test"
booted systemctl restart smd
booted dpkg -i /test/smd.deb > /dev/null 2>&1
booted bash /test/with_systemd.sh user /test/next.deb

echo "== purged"
booted apt-get purge -y -qq smd < /dev/null > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for left in /etc/sm /var/lib/sm /lib/systemd/system/smd.service; do
  [ ! -e "$root$left" ] || { echo "FAILED: purge leaves $left"; exit 1; }
done
echo "ok      purge leaves nothing"
