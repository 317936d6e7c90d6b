# SPDX-License-Identifier: Apache-2.0
# The pipeline's numbers: the walk from ring to ring, beside bare IPsec-MB
# calls on the same packets.
$(B)/obj/tests/bench/pipeline%.o: EXTRA = $(DPDK_C) $(IMB_C)

PIPELINE_LAB := tests/bench/pipeline_lab.c \
    $(call srcs,dataplane/flow dataplane/stage) $(SRTP_SRC) \
    dataplane/app/worker.c dataplane/app/log.c

$(B)/bench/pipeline_bench: $(call objs,tests/bench/pipeline_bench.c \
    tests/bench/pipeline_peer.c tests/bench/options.c \
    tests/bench/srtp_bench_cell.c \
    tests/bench/srtp_bench_bare.c $(PIPELINE_LAB))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lrte_net_ring $(DPDK_L) $(IMB_L)

BENCH_PROGRAMS += $(B)/bench/pipeline_bench
.PHONY: bench-pipeline
bench-pipeline: $(B)/bench/pipeline_bench
	$(B)/bench/pipeline_bench

# Over memif: the dataplane and a sender of ours, the gateway and dpdk-testpmd.
# The scripts bring all up; what stands in $(B)/bench says where it was built.
$(B)/obj/tests/bench/memif%.o: EXTRA = $(DPDK_C) $(IMB_C)

$(B)/bench/memif_bench: $(call objs,tests/bench/memif_bench.c \
    tests/bench/memif_flows.c tests/bench/options.c \
    tests/bench/srtp_bench_cell.c \
    tests/bench/srtp_bench_bare.c $(SRTP_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ $(DPDK_L) $(IMB_L)

$(B)/bench/memif: $(B)/bench/memif_bench
$(B)/bench/memif $(B)/bench/testpmd: $(PROGRAMS)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec %s --build %s "$$@"\n' \
	    $(CURDIR)/scripts/bench/$(@F) $(abspath $(B)) >$@
	@chmod +x $@
BENCH_PROGRAMS += $(B)/bench/memif $(B)/bench/testpmd

# What a call costs the SIP door.
$(B)/bench/sip-setup: $(PROGRAMS)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec %s --build %s "$$@"\n' \
	    $(CURDIR)/scripts/bench/$(@F) $(abspath $(B)) >$@
	@chmod +x $@
BENCH_PROGRAMS += $(B)/bench/sip-setup
