# SPDX-License-Identifier: Apache-2.0
# End-to-end encryption as the gateway sees it: policy, a=e2ee, gate, evidence.
E2GW_TESTS := $(patsubst %,$(B)/tests/%_test,policy audit audit_rotate media_e2ee)
E2GW_LINK   = @mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@

$(B)/obj/tests/e2gw/%.o: EXTRA = $(RE_C)

$(B)/tests/policy_test: $(call objs,tests/e2gw/policy_test.c control/log.c \
                        $(call srcs,control/policy control/store) \
                        $(STORE_NEEDS))
	$(E2GW_LINK) -lcmocka $(RE_L) -ljansson -lsqlite3 -lsodium -lpthread
$(B)/tests/audit_test $(B)/tests/audit_rotate_test: $(B)/tests/%: \
                       $(call objs,tests/e2gw/%.c control/log.c \
                       $(call srcs,control/audit))
	$(E2GW_LINK) -lcmocka -lsodium -ljansson -lpthread
$(B)/tests/media_e2ee_test: $(call objs,tests/e2gw/media_e2ee_test.c \
                            tests/media/fake_dp.c tests/media/loop.c \
                            tests/media/talk.c $(call srcs,control/sdp \
                            control/keying control/dataplane control/duties) \
                            $(wildcard control/calls/media*.c) control/log.c)
	$(E2GW_LINK) -lcmocka $(RE_L) -lsodium -ljansson -lpthread
CHECK_PROGRAMS += $(E2GW_TESTS)

# The real control: with a dataplane that only says yes, and with the real one.
$(B)/tests/abi-ask: $(B)/obj/tests/e2gw/abi-ask.o
	$(E2GW_LINK)
$(E2GW_TESTS): | $(B)/tests/fake-dataplane $(B)/tests/abi-ask
CHECK_PYTEST += tests/e2gw/test_e2ee_offers.py tests/e2gw/test_e2ee_gate.py \
                tests/e2gw/test_e2ee_calls.py

# libFuzzer: clang only.
$(B)/fuzz/audit_chain: tests/fuzz/audit_chain.c control/audit/chain.c \
                       control/audit/chain.h
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ -lsodium
FUZZ_PROGRAMS += $(B)/fuzz/audit_chain
