# SPDX-License-Identifier: Apache-2.0
# What leaves for collectors: the mirror of signalling, the log.
HEP_PURE := $(addprefix control/hep/,mask.c packet.c report.c) control/sip/addr.c
$(B)/obj/tests/hep/%.o: EXTRA = $(RE_C)
$(B)/tests/hep_test: $(call objs,tests/hep/hep_test.c $(HEP_PURE))
	@mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ \
	   -lcmocka $(RE_L) -ljansson
$(B)/tests/logsinks_test: $(call objs,tests/hep/logsinks_test.c control/log.c \
                          control/logsinks.c control/sip/addr.c)
	@mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@ \
	   -lcmocka $(RE_L) -lpthread
CHECK_PROGRAMS += $(B)/tests/hep_test $(B)/tests/logsinks_test
CHECK_PYTEST += $(sort $(wildcard tests/hep/test_*.py))

# libFuzzer: clang only.
$(B)/fuzz/hep_mask: tests/fuzz/hep_mask.c control/hep/mask.c control/hep/mask.h
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@
FUZZ_PROGRAMS += $(B)/fuzz/hep_mask
