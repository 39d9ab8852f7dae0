#!/usr/bin/env bash
# heap-lab on an emulated machine on which nobody else runs: one processor, one instruction a nanosecond, and a clock that counts
# instructions (QEMU's -icount). What its host does takes no time there, so that the worst of millions of pieces is the heap's, or
# the guest kernel's. It has no caches and one processor: it says nothing of misses, nor of what two threads do to each other's.
#
# The arguments are heap-lab's. MEMORY is the machine's (8G), SECONDS_AT_MOST ours (3600); KERNEL is a Linux kernel's image, and without
# it Debian's for clouds is fetched.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
target="${CARGO_TARGET_DIR:-$here/target}"
work="$target/emulated"
skip() { echo "SKIPPED emulated: $*"; exit 0; }

[ "$(uname -sm)" = "Linux x86_64" ] || skip "the machine is one for Linux on x86-64"
for tool in qemu-system-x86_64 busybox cpio gzip strip ldd timeout; do
    command -v "$tool" >/dev/null || skip "$tool is not installed (on Debian: apt-get install qemu-system-x86 busybox-static cpio)"
done
if ldd "$(command -v busybox)" 2>/dev/null | grep -q '=>'; then
    skip "busybox needs libraries (on Debian: apt-get install busybox-static)"
fi

mkdir -p "$work"
exec 9> "$work/lock"
flock -n 9 || { echo "another one runs, in $work" >&2; exit 2; }

kernel=${KERNEL:-$(find "$work/kernel/boot" -name 'vmlinuz-*' 2>/dev/null | tail -n 1)}
if [ -z "$kernel" ]; then
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' || true)
    [ -n "$package" ] || skip "there is no kernel (on Debian: apt-get update; elsewhere KERNEL=/path/to/vmlinuz)"
    (cd "$work" && apt-get download "$package" && dpkg-deb -x "$package"_*.deb kernel && rm "$package"_*.deb) >&2
    kernel=$(find "$work/kernel/boot" -name 'vmlinuz-*' | tail -n 1)
fi

cargo build --release -p heap-lab --manifest-path "$here/Cargo.toml"
lab="$target/release/heap-lab"

root="$work/root"
rm -rf "$root"
mkdir -p "$root"/{bin,proc,sys,dev,tmp}
cp "$(command -v busybox)" "$root/bin/busybox"
strip -o "$root/bin/heap-lab" "$lab"
for library in $(ldd "$lab" | grep -o '/[^ )]*'); do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
if [ $# -gt 0 ]; then printf '%q ' "$@"; fi > "$root/arguments"
cat > "$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs tmp /tmp
export PATH=/bin HOME=/tmp
eval "set -- $(/bin/busybox cat /arguments)"
/bin/heap-lab "$@" > /tmp/out 2> /tmp/errors
code=$?
printf '\nBEGUN\n'
/bin/busybox cat /tmp/out
printf '\nERRORS\n'
/bin/busybox cat /tmp/errors
printf '\nENDED %d\n' "$code"
/bin/busybox poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 > "$work/initrd.gz"

timeout "${SECONDS_AT_MOST:-3600}" qemu-system-x86_64 -machine q35 -cpu max -smp 1 -m "${MEMORY:-8G}" -nographic -no-reboot -nic none \
    -accel tcg,thread=single -icount shift=0,sleep=off -kernel "$kernel" -initrd "$work/initrd.gz" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable" < /dev/null > "$work/console" 2>&1 || true
tr -d '\r' < "$work/console" > "$work/text"
code=$(sed -n 's/^ENDED //p' "$work/text")
if [ -z "$code" ]; then
    echo "the machine did not come to an end; its console: $work/console" >&2
    exit 2
fi
sed -n '/^ERRORS$/,/^ENDED /{/^ERRORS$/d;/^ENDED /d;p}' "$work/text" >&2
sed -n '/^BEGUN$/,/^ERRORS$/{/^BEGUN$/d;/^ERRORS$/d;p}' "$work/text"
exit "$code"
