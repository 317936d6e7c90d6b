# SPDX-License-Identifier: Apache-2.0
# make install, of the console: the files as they are, there is nothing to build.
CONSOLE       := $(DESTDIR)$(PREFIX)/share/sallyport/console
CONSOLE_FILES := $(filter-out %.mk %.md,$(shell cd control/console && find . -type f))

.PHONY: install-console
install: install-console
install-console:
	cd control/console && for file in $(CONSOLE_FILES); do \
	   install -D -m 644 $$file $(CONSOLE)/$$file || exit 1; done
