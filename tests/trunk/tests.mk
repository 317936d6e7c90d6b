# SPDX-License-Identifier: Apache-2.0
# Tests of the PSTN: numbers, routes, digest as a client, trunks.
TRUNK_PURE := $(addprefix control/,trunk/number.c trunk/route.c \
                trunk/challenge.c trunk/settings.c sip/addr.c sip/digest.c)
TRUNK_TESTS := $(patsubst %,$(B)/tests/%_test,number route challenge settings)

$(B)/obj/tests/trunk/%.o: EXTRA = $(RE_C)
$(TRUNK_TESTS): $(B)/tests/%: $(B)/obj/tests/trunk/%.o $(call objs,$(TRUNK_PURE))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ -lcmocka $(RE_L) -lsodium -ljansson
CHECK_PROGRAMS += $(TRUNK_TESTS)
CHECK_PYTEST += $(sort $(wildcard tests/trunk/test_*.py))
CHECK_PYTEST_SAN += tests/trunk/test_trunk.py

# libFuzzer: clang only.
$(B)/fuzz/number $(B)/fuzz/challenge: \
$(B)/fuzz/%: tests/fuzz/%.c $(TRUNK_PURE) $(wildcard control/trunk/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. $(RE_C) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
		$(RE_L) -lsodium -ljansson
FUZZ_PROGRAMS += $(B)/fuzz/number $(B)/fuzz/challenge
