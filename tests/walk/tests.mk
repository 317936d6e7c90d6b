# SPDX-License-Identifier: Apache-2.0
# The walk, point by point of what it promises: on the lab of tests/stage, and
# through real ports.
WALK_TESTS := $(patsubst %,$(B)/tests/%_test,too_big keys theft burst)
CHECK_PROGRAMS += $(WALK_TESTS)
CHECK_PYTEST += $(sort $(wildcard tests/walk/test_*.py))

$(B)/obj/tests/walk/%.o: EXTRA = $(DPDK_C)

# LAB_SRC is of tests/stage/tests.mk, which comes before this by its name.
$(WALK_TESTS): $(B)/tests/%: $(B)/obj/tests/walk/%.o $(call objs,$(LAB_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lrte_net_ring $(DPDK_L) \
	    $(IMB_L) -lsrtp2 -lm

# The statistics as a filter, for numpy to compute once more.
$(B)/tests/stats-tool: $(call objs,tests/walk/stats_tool.c \
    dataplane/flow/stats.c dataplane/flow/emodel.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@
# What the Python suites run is there once the programs are.
$(WALK_TESTS): | $(B)/tests/stats-tool

$(B)/tests/steer_test: $(call objs,tests/walk/steer_test.c \
    dataplane/port/steer.c dataplane/app/log.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(DPDK_L)
CHECK_PROGRAMS += $(B)/tests/steer_test
