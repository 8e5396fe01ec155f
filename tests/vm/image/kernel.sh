#!/bin/bash
# SPDX-FileCopyrightText: 2026 the Spreekkamer authors
# SPDX-License-Identifier: EUPL-1.2
# Installs the newest kernel of which Debian has all five pieces at one version: kernel.sh ROOT, as a hook of mmdebstrap's.
# Debian signs the image of a kernel days after the source is built: the newest image and the newest kbuild are seldom a
# pair. Law: image, headers (two packages), kbuild and source are one version, and the log says which.
set -euo pipefail
root=$1
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
versions() { apt-cache madison "$1" | awk -F'|' '/Packages/ {gsub(/ /, "", $2); print $2}' | sort -u; }
series=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-\([0-9]*\.[0-9]*\)\..*/\1/p' | head -n 1)
best='' kernel=''
for image in $(apt-cache pkgnames "linux-image-$series." | grep -E '^linux-image-[0-9.]+-[0-9]+-amd64$'); do
    abi=${image#linux-image-}
    both=$(versions "$image")
    for package in "linux-headers-$abi" "linux-headers-${abi%-amd64}-common" "linux-kbuild-$series" "linux-source-$series"; do
        both=$(comm -12 <(echo "$both") <(versions "$package"))
    done
    for version in $both; do
        if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then best=$version kernel=$abi; fi
    done
done
[ -n "$best" ] || { echo "no version of Linux $series has its image, headers, kbuild and source in Debian's archive" >&2; exit 1; }
echo "$(date +%T) Linux $kernel, Debian's version $best (the newest image: $(apt-cache policy linux-image-amd64 | sed -n 's/ *Candidate: //p'))"
apt-get -qq -o Dir::Bin::dpkg=env -o DPkg::Options::=--unset=TMPDIR -o DPkg::Options::=dpkg \
    -o "DPkg::Chroot-Directory=$root" --yes install "linux-image-$kernel=$best" >/dev/null
