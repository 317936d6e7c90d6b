# SPDX-License-Identifier: Apache-2.0
# Overload, and calls that come and go for long.
$(B)/obj/tests/soak/%.o: EXTRA = $(DPDK_C)

$(B)/tests/overload_test: $(call objs,tests/soak/overload_test.c \
    tests/stage/lab.c tests/stage/lab_packet.c \
    $(call srcs,dataplane/flow dataplane/stage) $(SRTP_SRC) \
    dataplane/app/worker.c dataplane/app/log.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lrte_net_ring \
	    $(DPDK_L) $(IMB_L)
CHECK_PROGRAMS += $(B)/tests/overload_test

# Short here, for minutes by `make soak`.
CHECK_PYTEST += tests/soak/test_soak.py tests/soak/test_control_memory.py
SOAK_SECONDS ?= 300
.PHONY: soak
soak:
	@scripts/setup build check
	@$(submake) all
	@scripts/as-root B=$(abspath $(B)) SOAK_SECONDS=$(SOAK_SECONDS) \
	   tests/run --limit $(shell expr $(SOAK_SECONDS) + 120) \
	   pytest=tests/soak/test_soak.py pytest=tests/soak/test_control_memory.py
