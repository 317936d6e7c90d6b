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
