# SPDX-License-Identifier: Apache-2.0
# Tests of control's SIP side and its store.
$(B)/tests/fake-dataplane: tests/sip/fake_dataplane.c dataplane/abi/abi.h
	@mkdir -p $(@D)
	$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< -o $@
