#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# /var is memory, and /etc is the image's below one in memory: what is to last is
# on the data partition, and everything else is rendered anew at each boot.
set -eu
root=/sysroot
mount -t tmpfs -o mode=0755,nosuid,nodev,size=25% tmpfs "$root/var"
mkdir -p /run/sallyport-etc/upper /run/sallyport-etc/work
mount -t overlay -o "lowerdir=$root/etc,upperdir=/run/sallyport-etc/upper,workdir=/run/sallyport-etc/work" \
	overlay "$root/etc"
mkdir -p "$root/var/lib" "$root/var/cache" "$root/var/log" \
	"$root/var/tmp"
chmod 1777 "$root/var/tmp"
