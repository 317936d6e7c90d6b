# SPDX-License-Identifier: Apache-2.0
# The ng door: over the dataplane that only says yes, and with a real Kamailio.
CHECK_PYTEST += $(sort $(wildcard tests/ng/test_*.py))

# Calls a second, memory, time to the first protected packet.
$(B)/bench/ng: $(PROGRAMS)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec %s --build %s "$$@"\n' \
	    $(CURDIR)/scripts/bench/$(@F) $(abspath $(B)) >$@
	@chmod +x $@
BENCH_PROGRAMS += $(B)/bench/ng

# bencode.c as a filter, for the reference in Python.
$(B)/tests/bencode-tool: $(call objs,tests/ng/bencode_tool.c \
                         control/ng/bencode.c)
	@mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ \
	    -ljansson -lsodium
check-programs: $(B)/tests/bencode-tool

# libFuzzer: clang only.
NG_PURE := $(addprefix control/ng/,bencode.c wire.c flags.c listen.c) \
           control/sip/addr.c
$(B)/fuzz/ng: tests/fuzz/ng.c $(NG_PURE) $(wildcard control/ng/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. $(RE_C) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
		$(RE_L) -ljansson
FUZZ_PROGRAMS += $(B)/fuzz/ng
# heard with care
CHECK_QUIET += $(wildcard tests/ng/test_kamailio*.py) tests/ng/test_subscribe.py
