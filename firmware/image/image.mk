# SPDX-License-Identifier: Apache-2.0
# make image: the appliance's disk image and update bundle. Root.
BOARD ?= qemu-q35
KEYS  ?= $(B)/image/keys
IMAGE := $(B)/image

.PHONY: image image-test image-reproducible
image:
	@scripts/setup build image
	@$(submake) all
	@[ -e $(KEYS)/db.crt ] || firmware/image/keys $(KEYS)
	@rm -rf $(IMAGE)/tree
	@$(MAKE) --no-print-directory -s install PREFIX=/usr DESTDIR=$(abspath $(IMAGE))/tree
	@scripts/as-root env KEEP_ROOT=$(abspath $(IMAGE))/root.tar \
	   firmware/image/build --board $(BOARD) --tree $(IMAGE)/tree \
	   --out $(IMAGE)/$(BOARD) --keys $(KEYS) --version $(VERSION) \
	   $$([ $(IMAGE)/root.tar -nt firmware/image/packages ] && \
	      echo --root $(IMAGE)/root.tar)

# The life of an appliance, in QEMU; `make check WITH_IMAGE=1` has it as well.
IMAGE_SUITES := make+alone:1500=image pytest+alone:2400=tests/image/test_image.py
image-test:
	@scripts/setup build demo image
	@$(submake) all
	@scripts/as-root B=$(abspath $(B)) tests/run --tidy $(IMAGE_SUITES)

# Twice from the packages on, compared octet by octet.
image-reproducible: image
	@mv $(IMAGE)/$(BOARD)/disk.img $(IMAGE)/first.img
	@rm -f $(IMAGE)/root.tar
	@$(MAKE) --no-print-directory image
	@cmp $(IMAGE)/first.img $(IMAGE)/$(BOARD)/disk.img
	@rm -f $(IMAGE)/first.img
	@echo "two builds gave the same disk.img"
