# SPDX-License-Identifier: Apache-2.0
# make deb: $(B)/deb/sallyport_VERSION_ARCH.deb, of what make install lays out.
.PHONY: deb
deb: all
	@scripts/setup --missing deb
	@$(MAKE) --no-print-directory -s PREFIX=/usr \
	   DESTDIR=$(abspath $(B))/deb/root deb-root
	@firmware/deb/build $(abspath $(B))/deb $(DEB_VERSION)
.PHONY: deb-root
deb-root:
	@rm -rf $(DESTDIR)
	@$(MAKE) --no-print-directory -s install >/dev/null
