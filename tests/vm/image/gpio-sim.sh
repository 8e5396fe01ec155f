#!/bin/bash
# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2
# The kernel's gpio-sim as a module of the image's kernel: gpio-sim.sh ROOT WORK, as a hook of mmdebstrap's.
# Debian's kernels have neither gpio-sim nor irq_sim: both go into one module, out of tree, from the same version's source.
set -euo pipefail
root=$1 work=$2/kernel
kernel=$(ls "$root/lib/modules")
version=$(dpkg-query --admindir "$root/var/lib/dpkg" -Wf '${Version}' "linux-image-$kernel")
series=$(echo "$kernel" | cut -d. -f1,2)
mkdir -p "$work/debs" "$work/module" && cd "$work/debs"
for package in "linux-source-$series" "linux-headers-$kernel" "linux-headers-${kernel%-*}-common" "linux-kbuild-$series"; do
    APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq -o APT::Sandbox::User=root download "$package=$version"
done
for deb in *.deb; do dpkg-deb -x "$deb" "$work"; done
cd "$work/module"
tar -xf "$work/usr/src/linux-source-$series.tar.xz" --strip-components=3 --wildcards '*/drivers/gpio/gpio-sim.c' '*/drivers/gpio/gpiolib.h'
tar -xf "$work/usr/src/linux-source-$series.tar.xz" --strip-components=3 --wildcards '*/kernel/irq/irq_sim.c'
mv gpio-sim.c gpio_sim.c
# irq_to_desc is not exported to modules; these two are, and mean the same.
sed -i 's/irq_to_desc(irqnum)/irq_data_to_desc(irq_get_irq_data(irqnum))/; s|#include <linux/irq.h>|&\n#include <linux/irqdesc.h>|' irq_sim.c
printf 'obj-m := gpio-sim.o\ngpio-sim-y := gpio_sim.o irq_sim.o\n' > Kbuild
sed -i "s|/usr/src/|$work/usr/src/|" "$work/usr/src/linux-headers-$kernel/Makefile"
make -s -C "$work/usr/src/linux-headers-$kernel" "M=$work/module" CC="${CC:-gcc}" modules
install -D -m 644 gpio-sim.ko "$root/lib/modules/$kernel/extra/gpio-sim.ko"
depmod -b "$root" "$kernel"
