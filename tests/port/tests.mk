# SPDX-License-Identifier: Apache-2.0
# Configuration, ports, adjacencies, and the dataplane as a process.
PORT_TESTS := $(B)/tests/config_test $(B)/tests/reserve_test \
    $(B)/tests/adjacency_test
CHECK_PROGRAMS += $(PORT_TESTS)
CHECK_PYTEST += $(sort $(wildcard tests/port/test_*.py))

$(B)/obj/tests/port/%.o: EXTRA = $(DPDK_C)

$(B)/tests/config_test: $(call objs,tests/port/config_test.c \
    dataplane/app/config.c) $(call objs,$(CONF_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lcyaml -lyaml

$(B)/tests/reserve_test: $(call objs,tests/port/reserve_test.c \
    dataplane/port/reserve.c dataplane/app/log.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(DPDK_L)

$(B)/tests/adjacency_test: $(call objs,tests/port/adjacency_test.c \
    dataplane/port/adjacency.c dataplane/port/hop.c dataplane/port/netlink.c \
    dataplane/flow/arena.c \
    dataplane/app/log.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka -lmnl $(DPDK_L)
