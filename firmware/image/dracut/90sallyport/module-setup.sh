#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dracut's module: what of the read-only root is written to in memory.
check() {
	return 0
}

depends() {
	echo systemd
}

installkernel() {
	instmods overlay squashfs dm_verity
}

# shellcheck disable=SC2154 # dracut sets moddir, systemdsystemunitdir, initdir
install() {
	inst_multiple sh mount mkdir chmod
	inst_script "$moddir/writable.sh" /usr/bin/sallyport-writable
	inst_simple "$moddir/sallyport-writable.service" \
		"$systemdsystemunitdir/sallyport-writable.service"
	systemctl --quiet --root "$initdir" add-wants initrd.target \
		sallyport-writable.service
}
