# SPDX-License-Identifier: Apache-2.0
# The flow table, the stages, the abi's server: on ports made of rings.
STAGE_TESTS := $(patsubst %,$(B)/tests/%_test,flow demux validate source classify walk \
    srtp_walk control_socket republish workers divert)
CHECK_PROGRAMS += $(STAGE_TESTS)

$(B)/obj/tests/stage/%.o: EXTRA = $(DPDK_C)

LAB_SRC := tests/stage/lab.c tests/stage/lab_packet.c tests/stage/flow_lab.c \
    tests/stage/divert_peer.c \
    $(call srcs,dataplane/flow dataplane/stage) $(SRTP_SRC) \
    dataplane/app/worker.c dataplane/app/control_socket.c \
    dataplane/app/control_request.c dataplane/app/punt.c dataplane/app/listener.c \
    dataplane/app/divert_socket.c dataplane/app/log.c

$(STAGE_TESTS): $(B)/tests/%: $(B)/obj/tests/stage/%.o $(call objs,$(LAB_SRC)) | $(B)/tests/walk-tool
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lrte_net_ring $(DPDK_L) \
	    $(IMB_L) -lsrtp2

# Pure functions: no DPDK.
$(B)/tests/rtcp_test: $(call objs,tests/stage/rtcp_test.c \
    dataplane/stage/rtcp.c dataplane/stage/parse.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka
CHECK_PROGRAMS += $(B)/tests/rtcp_test

$(B)/tests/divert_ring_test: $(call objs,tests/stage/divert_ring_test.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lpthread
CHECK_PROGRAMS += $(B)/tests/divert_ring_test

# libFuzzer, clang only: all of it once more, instrumented.
STAGE_FUZZ := $(B)/fuzz/classify $(B)/fuzz/abi $(B)/fuzz/divert
FUZZ_PROGRAMS += $(STAGE_FUZZ)
$(STAGE_FUZZ): $(B)/fuzz/%: tests/fuzz/%.c tests/stage/quiet.c \
    $(filter-out %/log.c,$(LAB_SRC)) \
    $(wildcard dataplane/*/*.h tests/stage/*.h) | packages
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)clang -std=gnu11 -O1 -g $(WARN) -I. $(DPDK_C) $(IMB_C) \
	    -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
	    -lcmocka -lrte_net_ring $(DPDK_L) $(IMB_L)

# The lab as a filter, for scapy to look at.
$(B)/tests/walk-tool: $(call objs,tests/stage/walk_tool.c $(LAB_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lrte_net_ring $(DPDK_L) \
	    $(IMB_L)
CHECK_PYTEST += tests/stage/test_scapy.py
