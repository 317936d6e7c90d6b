# SPDX-License-Identifier: Apache-2.0
# make install, of what systemd, udev and people find beside the programs.
UNITS := firmware/units
LIB   := $(DESTDIR)$(PREFIX)/lib

.PHONY: install-units
install: install-units
install-units:
	install -d $(LIB)/systemd/system $(LIB)/sysusers.d $(LIB)/tmpfiles.d \
	   $(LIB)/udev/rules.d $(LIB)/systemd/network $(DOC)/examples
	for unit in sallyport-dataplane sallyport-control sallyport-media; do \
	   sed -e 's,@BIN@,$(PREFIX)/bin,' \
	       -e 's,@DOC@,$(PREFIX)/share/doc/sallyport,' \
	      $(UNITS)/$$unit.service >$(LIB)/systemd/system/$$unit.service && \
	   chmod 644 $(LIB)/systemd/system/$$unit.service || exit 1; done
	install -m 644 $(UNITS)/sysusers.conf $(LIB)/sysusers.d/sallyport.conf
	install -m 644 $(UNITS)/tmpfiles.conf $(LIB)/tmpfiles.d/sallyport.conf
	install -m 644 $(UNITS)/vfio.rules $(LIB)/udev/rules.d/60-sallyport-vfio.rules
	install -m 644 $(UNITS)/companions.link \
	   $(LIB)/systemd/network/60-sallyport-companions.link
	install -m 644 $(UNITS)/companions.nft $(UNITS)/hugepages.conf $(DOC)/examples
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 \
	   $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(B)/bin/sallyctl help man >$(DESTDIR)$(PREFIX)/share/man/man1/sallyctl.1
	$(B)/bin/sallyctl help completion \
	   >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/sallyctl
	install -m 644 firmware/grafana/sallyport.json $(DOC)/examples/grafana.json
