#!/bin/bash
# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2
# Builds the image: build.sh OUT WHEELS. OUT gets base.qcow2, vmlinuz, initrd and key; WHEELS holds the Python packages.
# Law: all comes from Debian's packages and those wheels, and nothing is installed on the machine that builds. As root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "$1") wheels=$(realpath "$2")
work=$(mktemp -d "$out/work.XXXXXX")
# An interrupted mmdebstrap leaves /proc, /sys and /dev mounted below: nothing is removed through a mount.
clean() {
    { findmnt -rno TARGET | grep "^$work/" || true; } | sort -r | xargs -r umount --lazy
    rm -rf --one-file-system "$work"
}
trap clean EXIT
root=$work/root
listed() { sed 's/#.*//' "$here/$1" | xargs; }
step() { echo "$(date +%T) $*"; }

step "Debian's packages"
unread=()
for part in doc man locale info lintian bug; do unread+=("--dpkgopt=path-exclude=/usr/share/$part/*"); done
mmdebstrap --quiet --mode=root --variant=minbase "${unread[@]}" \
    --include="$(listed packages | tr ' ' ,)" \
    --customize-hook="$here/kernel.sh \"\$1\"" \
    --customize-hook="$here/gpio-sim.sh \"\$1\" $work" \
    bookworm "$root"
kernel=$(ls "$root/lib/modules")

step "kernel modules: only those that are wanted"
wanted() { for m in $*; do modprobe -d "$root" -S "$kernel" --show-depends "$m"; done | awk '/^insmod/ {print $2}' | sort -u; }
keep() { # keep TO MODULE...: copies modules with what they need
    to=$1; shift
    wanted "$@" | sed "s|^$root/||" | (cd "$root" && cpio --quiet -pdm "$to")
    cp "$root/lib/modules/$kernel/modules."{order,builtin,builtin.modinfo} "$to/lib/modules/$kernel/"
    depmod -b "$to" "$kernel"
}
mkdir -p "$work/initrd/bin" "$work/initrd/proc" "$work/initrd/new" "$work/modules"
first=$(sed 's/#.*//' "$here/modules" | grep -m1 .)
keep "$work/initrd" $first
keep "$work/modules" $(listed modules)
rm -rf "$root/lib/modules/$kernel" && cp -a "$work/modules/lib/modules/$kernel" "$root/lib/modules/"

step "initramfs"
cp "$(command -v busybox)" "$work/initrd/bin/busybox"
cat > "$work/initrd/init" <<INIT
#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t devtmpfs none /dev 2>/dev/null || { /bin/busybox mkdir -p /dev; /bin/busybox mount -t devtmpfs none /dev; }
for m in $first; do /bin/busybox modprobe \$m; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.05; done
/bin/busybox mount -t ext4 /dev/vda /new
/bin/busybox umount /proc
exec /bin/busybox switch_root /new /sbin/init
INIT
chmod +x "$work/initrd/init"
(cd "$work/initrd" && find . | cpio --quiet -oH newc | gzip -1) > "$out/initrd"
cp "$root/boot/vmlinuz-$kernel" "$out/vmlinuz"
rm -rf "$root/boot" "$root/var/cache/apt" "$root/var/lib/apt/lists"

step "files, key, units"
cp -a "$here/root/." "$root/"
chown -R root:root "$root/etc" "$root/usr/local"
rm -f "$out/key" "$out/key.pub"
ssh-keygen -q -t ed25519 -N '' -C image -f "$out/key"
install -D -m 600 "$out/key.pub" "$root/root/.ssh/authorized_keys"
for unit in $(listed units-masked); do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
chroot "$root" systemctl --quiet enable ssh systemd-networkd ready
echo unit > "$root/etc/hostname"
echo '127.0.0.1 localhost unit' > "$root/etc/hosts"
rm -f "$root/etc/machine-id" && systemd-id128 new > "$root/etc/machine-id"
groupadd -R "$root" -rf gpio

step "Python packages"
chroot "$root" python3 -m venv /opt/spreekkamer/venv
cp -r "$wheels" "$root/wheels"
chroot "$root" sh -c '/opt/spreekkamer/venv/bin/pip install --quiet --no-index --no-deps /wheels/*.whl'
rm -rf "$root/wheels"

step "disk"
truncate -s 3G "$work/disk"
mke2fs -q -t ext4 -E root_owner=0:0 -d "$root" "$work/disk"
qemu-img convert -q -O qcow2 -c "$work/disk" "$out/base.qcow2"
step "done: $(du -h "$out/base.qcow2" | cut -f1)"
