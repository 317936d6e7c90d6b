# SPDX-License-Identifier: Apache-2.0
# The endpoint as processes: calls through a relay, and with phones behind it.
CHECK_PYTEST += $(sort $(wildcard tests/endpoint/test_*.py))

# Its parts that build without sockets, devices or clocks.
EP_PURE   := $(patsubst %,control/endpoint/%.c,codec digits hop jitter opus \
             payload_read rtcp)
EP_PURE_L := -lsrtp2 -lsodium

$(B)/tests/endpoint_parts_test: $(call objs,\
                tests/endpoint/endpoint_parts_test.c $(EP_PURE))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(EP_PURE_L)
CHECK_PROGRAMS += $(B)/tests/endpoint_parts_test

$(B)/fuzz/endpoint_media: tests/fuzz/endpoint_media.c $(EP_PURE) \
                          $(wildcard control/endpoint/*.h)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)clang -std=gnu11 -O1 -g $(WARN) -I. \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
		$(EP_PURE_L)
FUZZ_PROGRAMS += $(B)/fuzz/endpoint_media
