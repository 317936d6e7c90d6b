# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # the variables are firmware/image/build's
# The steps of firmware/image/build, each from what the one before left.

board_value() {
	/usr/bin/python3 "$here/board-value" "$top/boards/$board/board.yaml" "$1"
}

# Debian's packages by the machine's own apt sources; nothing of apt's state, of
# documentation and of translations remains.
step_root() {
	local list
	mkdir "$work/root"
	if [ -z "$given" ]; then
		say "root: Debian's packages"
		given=$work/root.tar
		list=$(sed 's/#.*//' "$here/packages" | xargs | tr ' ' ',')
		mmdebstrap --quiet --mode=root --variant=minbase \
			--include="$list" \
			--dpkgopt='path-exclude=/usr/share/man/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' \
			--dpkgopt='path-exclude=/usr/share/doc/*' \
			--dpkgopt='path-include=/usr/share/doc/*/copyright' \
			bookworm "$given"
		[ -z "${KEEP_ROOT-}" ] || mv "$given" "$KEEP_ROOT"
		given=${KEEP_ROOT:-$given}
	fi
	tar -C "$work/root" -xf "$given" --exclude='./dev/*'
	install -m 644 "$work/root/usr/share/systemd/tmp.mount" \
		"$work/root/usr/lib/systemd/system/"
	# Where the kernel's and systemd's own are mounted.
	for name in dev proc sys run tmp data boot/env; do
		install -d "$work/root/$name"
	done
	say "root: programs, units, board"
	cp -a "$tree/." "$work/root/"
	cp -a "$here/root/." "$work/root/"
	install -d "$work/root/usr/share/sallyport/boards" "$work/root/usr/lib/sallyport"
	cp -a "$top/boards/." "$work/root/usr/share/sallyport/boards/"
	install -m 755 "$top"/firmware/boot/sallyport-* \
		"$top"/firmware/update/sallyport-* "$work/root/usr/lib/sallyport/"
	install -m 644 "$top/scripts/board_file.py" "$work/root/usr/lib/sallyport/"
	install -m 755 "$top/scripts/board-config" "$work/root/usr/lib/sallyport/"
	install -d "$work/root/etc/rauc"
	sed -e "s/@COMPATIBLE@/$(board_value update.compatible)/" \
		"$here/rauc.conf" >"$work/root/etc/rauc/system.conf"
	install -m 644 "$keys/bundle.crt" "$work/root/etc/rauc/keyring.pem"
	cat >"$work/root/etc/sallyport-release" <<-EOF
		VERSION=$version
		BOARD=$board
		COMPATIBLE=$(board_value update.compatible)
		BUILT=$SOURCE_DATE_EPOCH
	EOF
	rm -f "$work/root/etc/machine-id" "$work"/root/etc/ssh/ssh_host_*
	: >"$work/root/etc/machine-id"
	ln -sf /run/systemd/resolve/stub-resolv.conf "$work/root/etc/resolv.conf"
	chroot "$work/root" systemd-sysusers
	xargs -a <(sed 's/#.*//' "$here/services") \
		systemctl --quiet --root="$work/root" enable
	# Debian's packages switch on what is the administrator's to ask for, and
	# what looks after packages that never change.
	systemctl --quiet --root="$work/root" disable ssh.service \
		apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
		e2scrub_all.timer e2scrub_reap.service
	# Its seed would be kept in memory; the kernel has the CPU's and UEFI's.
	systemctl --quiet --root="$work/root" mask systemd-random-seed.service
	systemctl --quiet --root="$work/root" set-default sallyport.target
	chroot "$work/root" passwd --quiet --lock root
}

# What no appliance has: half of the modules, and of what an update writes. The
# graphics that stay are those of servers' consoles.
fewer_modules() {
	local name kernel=$1
	for name in sound drivers/media drivers/bluetooth drivers/staging \
		drivers/net/wireless net/bluetooth net/mac80211 net/wireless \
		drivers/gpu/drm/amd drivers/gpu/drm/i915 \
		drivers/gpu/drm/nouveau drivers/gpu/drm/radeon; do
		rm -rf "$work/root/usr/lib/modules/$kernel/kernel/$name"
	done
	chroot "$work/root" depmod "$kernel"
}

# Made inside, by the image's own dracut and for its own kernel.
step_initrd() {
	local kernel
	kernel=$(basename "$work"/root/usr/lib/modules/*)
	fewer_modules "$kernel"
	say "initrd: $kernel"
	cp -a "$here/dracut/90sallyport" "$work/root/usr/lib/dracut/modules.d/"
	mount -t proc proc "$work/root/proc"
	TMPDIR=/tmp chroot "$work/root" dracut --quiet --force --reproducible --no-hostonly \
		--no-hostonly-cmdline --zstd --kver "$kernel" \
		--modules "base systemd systemd-initrd systemd-veritysetup dm kernel-modules rootfs-block udev-rules fs-lib sallyport shutdown" \
		--drivers "virtio_blk virtio_pci virtio_scsi ahci sd_mod nvme usb_storage uas sdhci_pci mmc_block dm_verity squashfs overlay iTCO_wdt" \
		/tmp/initrd 2>"$work/dracut.log" || {
		umount "$work/root/proc"
		cat "$work/dracut.log" >&2
		return 1
	}
	umount "$work/root/proc"
	mv "$work/root/tmp/initrd" "$work/initrd"
	cp "$work/root/boot/vmlinuz-$kernel" "$work/vmlinuz"
	rm -rf "$work"/root/boot/vmlinuz* "$work"/root/boot/initrd* \
		"$work"/root/boot/System.map* "$work"/root/initrd* \
		"$work"/root/vmlinuz*
}

# What differs from build to build and what nobody needs at run time.
clean_root() {
	rm -rf "$work"/root/var/cache/* "$work"/root/var/lib/apt/* \
		"$work"/root/var/log/* "$work"/root/tmp/* \
		"$work"/root/etc/apt/sources.list* "$work"/root/run/* \
		"$work"/root/dev/* \
		"$work"/root/usr/lib/dracut
	# Links that lead nowhere there, whatever this machine has.
	chroot "$work/root" find /usr/lib/systemd /etc/systemd -xtype l \
		! -lname /dev/null -delete
	cp -a "$work/root/var/lib/dpkg" "$work/dpkg"
	rm -rf "$work"/root/var/*
	# Nothing can be compiled where it runs: the root is read-only. What is
	# compiled here says of its source what it holds, not when it was made.
	find "$work/root" -name __pycache__ -prune -exec rm -rf {} +
	chroot "$work/root" env PYTHONHASHSEED=0 python3 -m compileall -q \
		--invalidation-mode unchecked-hash /usr/lib/python3* /usr/lib/sallyport
}

step_squash() {
	clean_root
	say "root: squashfs, verity"
	mksquashfs "$work/root" "$work/root.img" -quiet -no-progress -noappend \
		-comp zstd -Xcompression-level 6 \
		-reproducible -no-exports \
		>/dev/null
	[ "$(stat -c %s "$work/root.img")" -le $((slot << 20)) ] ||
		{ echo "the root needs more than a slot of $slot MiB" >&2; return 1; }
	roothash=$(veritysetup format "$work/root.img" "$work/verity.img" \
		--uuid "$(uuid_of verity)" \
		--salt "$(printf %s "sallyport/$version" | sha256sum | cut -d' ' -f1)" |
		awk '/^Root hash:/ {print $3}')
	[ -n "$roothash" ]
}

# A command whose clock stands at the time of the source.
at_source_time() {
	faketime -f "@$(date -d "@$SOURCE_DATE_EPOCH" '+%F %T') x0" "$@"
}

# With db.key, or by PKCS#11 where the key is in a token. The signature has a time.
sign_efi() {
	if [ -e "$keys/db.uri" ]; then
		at_source_time sbsign --engine pkcs11 --key "$(cat "$keys/db.uri")" \
			--cert "$keys/db.crt" --output "$2" "$1" 2>/dev/null
	else
		at_source_time sbsign --key "$keys/db.key" --cert "$keys/db.crt" \
			--output "$2" "$1" 2>/dev/null
	fi
}

sign_gpg() {
	gpg --homedir "$keys/gnupg" --batch --quiet --yes --detach-sign \
		--faked-system-time "$SOURCE_DATE_EPOCH!" --output "$1.sig" "$1"
}

# The classes that this board may need: its own, or all where it is the fallback.
classes_of() {
	if [ "$(board_value match.fallback)" = True ]; then
		sed -n 's/^\(control-[0-9]*\) .*/\1/p' "$here/classes"
	else
		board_value boot_class
	fi
}

# One signed kernel, with its command line, for a slot and a class.
uki() {
	local slot_name=$1 class=$2 low isolation console to
	low=$(echo "$slot_name" | tr AB ab)
	to=$work/boot/$slot_name-$class.efi
	isolation=$(sed -n "s/^$class //p" "$here/classes")
	console=$(board_value console.device),$(board_value console.baud)
	printf '%s' "rauc.slot=$slot_name roothash=$roothash" \
		" systemd.verity_root_data=PARTLABEL=root-$low" \
		" systemd.verity_root_hash=PARTLABEL=verity-$low" \
		" systemd.verity_root_options=panic-on-corruption" \
		" root=/dev/mapper/root rootfstype=squashfs ro" \
		" systemd.gpt_auto=0 panic=10 lockdown=integrity" \
		" intel_iommu=on iommu=pt $isolation" \
		" $(board_value kernel_options)" \
		" console=tty0 console=$console${IMAGE_CMDLINE:+ $IMAGE_CMDLINE}" \
		>"$work/cmdline"
	at_source_time objcopy \
		--add-section .osrel="$work/root/usr/lib/os-release" \
		--change-section-vma .osrel=0x20000 \
		--add-section .cmdline="$work/cmdline" \
		--change-section-vma .cmdline=0x30000 \
		--add-section .linux="$work/vmlinuz" \
		--change-section-vma .linux=0x2000000 \
		--add-section .initrd="$work/initrd" \
		--change-section-vma .initrd=0x4000000 \
		/usr/lib/systemd/boot/efi/linuxx64.efi.stub "$work/uki"
	sign_efi "$work/uki" "$to"
	sign_gpg "$to"
}

# A FAT file system with the files of a folder, nothing in it from a clock.
fat() {
	local image=$1 mib=$2 label=$3 folder=$4
	truncate -s "${mib}M" "$image"
	at_source_time mformat -i "$image" -v "$label" -N 5a11f047 ::
	(cd "$folder" && find . -mindepth 1 | LC_ALL=C sort) |
		while read -r name; do
			if [ -d "$folder/$name" ]; then
				at_source_time mmd -i "$image" "::$name"
			else
				at_source_time mcopy -i "$image" "$folder/$name" "::$name"
			fi
		done
}

step_boot() {
	local slot_name class mib
	mkdir "$work/boot"
	for class in $(classes_of); do
		for slot_name in A B; do
			say "kernel: slot $slot_name, $class"
			uki "$slot_name" "$class"
		done
	done
	# No larger than what it holds: an update writes all of it.
	mib=$(du -sm "$work/boot" | cut -f1)
	fat "$work/boot.img" $((mib + 8)) SALLYBOOT "$work/boot"
}

step_esp() {
	say "GRUB"
	# In a memory disk within the image: read without a signature of its own,
	# since the image's covers it, and by the full parser.
	mkdir -p "$work/esp/EFI/BOOT" "$work/env" \
		"$work/memdisk/boot/grub"
	/usr/bin/python3 "$here/grub-classes" "$top/boards" "$board" \
		<"$here/grub.cfg" >"$work/memdisk/boot/grub/grub.cfg"
	grub-script-check "$work/memdisk/boot/grub/grub.cfg"
	tar -C "$work/memdisk" --sort=name --owner=0 --group=0 \
		--mtime="@$SOURCE_DATE_EPOCH" -cf "$work/memdisk.tar" boot
	grub-mkimage -O x86_64-efi -p "(memdisk)/boot/grub" -m "$work/memdisk.tar" \
		--pubkey "$keys/grub.pub" --disable-shim-lock \
		-o "$work/grub.efi" memdisk tar normal part_gpt fat search \
		search_label loadenv chain smbios test regexp echo sleep \
		reboot serial terminal pgp gcry_sha256 gcry_sha512 gcry_rsa \
		gcry_dsa
	sign_efi "$work/grub.efi" "$work/esp/EFI/BOOT/BOOTX64.EFI"
	fat "$work/esp.img" 64 SALLYESP "$work/esp"
	grub-editenv "$work/env/grubenv" create
	grub-editenv "$work/env/grubenv" set ORDER="A B" A_OK=1 A_TRY=0 \
		B_OK=0 B_TRY=0
	fat "$work/env.img" 8 SALLYENV "$work/env"
}

# Type GUIDs: ESP, and Linux data for what only its label tells. What is left at the
# end is data's, and has room for a bundle twice: as it was uploaded, and its copy.
step_disk() {
	local esp=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
	local linux=0FC63DAF-8483-4772-8E79-3D69D8477DE4
	local at n image mib verity=16 file=$out/disk.img.new
	say "disk"
	{
		echo "label: gpt"
		echo "label-id: $(uuid_of disk)"
		while read -r mib type name; do
			echo "size=${mib}MiB, type=$type, name=$name, uuid=$(uuid_of "$name")"
		done <<-EOF
			64 $esp esp
			8 $linux env
			192 $linux boot-a
			192 $linux boot-b
			$slot $linux root-a
			$slot $linux root-b
			$verity $linux verity-a
			$verity $linux verity-b
		EOF
	} >"$work/table"
	rm -f "$file"
	truncate -s $((64 + 8 + 384 + 2 * slot + 2 * verity + 1024))M "$file"
	sfdisk --quiet "$file" <"$work/table"
	n=0
	for image in esp env boot - root - verity; do
		n=$((n + 1))
		[ "$image" != - ] || continue
		at=$(sfdisk -J "$file" | /usr/bin/python3 -c \
			"import json,sys; print(json.load(sys.stdin)['partitiontable']['partitions'][$n-1]['start'])")
		dd if="$work/$image.img" of="$file" bs=1M conv=notrunc,sparse \
			oflag=seek_bytes seek=$((at * 512)) status=none
	done
	mv "$file" "$out/disk.img"
}

step_bundle() {
	local key
	say "update bundle"
	mkdir "$work/bundle"
	mv "$work/boot.img" "$work/root.img" "$work/verity.img" "$work/bundle/"
	sed "s/@BUILT@/$SOURCE_DATE_EPOCH/" "$here/hook" >"$work/bundle/hook"
	chmod 755 "$work/bundle/hook"
	cat >"$work/bundle/manifest.raucm" <<-EOF
		[update]
		compatible=$(board_value update.compatible)
		version=$version
		build=$SOURCE_DATE_EPOCH
		[bundle]
		format=verity
		[hooks]
		filename=hook
		hooks=install-check
		[image.boot]
		filename=boot.img
		[image.root]
		filename=root.img
		[image.verity]
		filename=verity.img
	EOF
	key=$keys/bundle.key
	[ ! -e "$keys/bundle.uri" ] || key=$(cat "$keys/bundle.uri")
	rm -f "$out/update.raucb"
	rauc --cert="$keys/bundle.crt" --key="$key" \
		bundle "$work/bundle" "$out/update.raucb" >/dev/null 2>"$work/rauc.log" ||
		{ cat "$work/rauc.log" >&2; return 1; }
}

step_bill() {
	dpkg-query --admindir="$work/dpkg" -W \
		-f '${binary:Package} ${Version} ${source:Package} ${source:Version}\n' |
		LC_ALL=C sort >"$out/packages.txt"
	/usr/bin/python3 "$here/sbom" "$out/packages.txt" "$version" \
		"$SOURCE_DATE_EPOCH" >"$out/sbom.spdx.json"
}
