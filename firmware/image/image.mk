# SPDX-License-Identifier: Apache-2.0
# make image: the appliance's disk image and update bundle. Root.
BOARD ?= qemu-q35
KEYS  ?= $(B)/image/keys
IMAGE := $(B)/image

.PHONY: image image-reproducible
image:
	@scripts/setup build image
	@$(submake) all
	@[ -e $(KEYS)/db.crt ] || firmware/image/keys $(KEYS)
	@rm -rf $(IMAGE)/tree
	@$(MAKE) --no-print-directory -s install PREFIX=/usr DESTDIR=$(abspath $(IMAGE))/tree
	@scripts/as-root env KEEP_ROOT=$(abspath $(IMAGE))/root.tar \
	   firmware/image/build --board $(BOARD) --tree $(IMAGE)/tree \
	   --out $(IMAGE)/$(BOARD) --keys $(KEYS) --version $(VERSION) \
	   $(if $(wildcard $(IMAGE)/root.tar),--root $(IMAGE)/root.tar)

# The same inputs twice, compared octet by octet.
image-reproducible: image
	@cp $(IMAGE)/$(BOARD)/disk.img $(IMAGE)/first.img
	@$(MAKE) --no-print-directory image
	@cmp $(IMAGE)/first.img $(IMAGE)/$(BOARD)/disk.img
	@rm -f $(IMAGE)/first.img
	@echo "two builds gave the same disk.img"
