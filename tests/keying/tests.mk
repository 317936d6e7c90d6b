# SPDX-License-Identifier: Apache-2.0
# DTLS-SRTP and ICE-lite.
KEYING_SRC  := $(call srcs,control/keying) control/log.c
KEYING_LINK  = @mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@

$(B)/obj/tests/keying/%.o: EXTRA = $(RE_C)

KEYING_TESTS := $(patsubst %,$(B)/tests/%_test,dtls ice)
$(KEYING_TESTS): $(B)/tests/%: $(B)/obj/tests/keying/%.o \
                 $(call objs,tests/keying/peer.c tests/media/loop.c \
                 $(KEYING_SRC))
	$(KEYING_LINK) -lcmocka $(RE_L) -lsodium -lpthread

CHECK_PROGRAMS += $(KEYING_TESTS)

# libFuzzer: clang only.
KEYING_FUZZ := $(B)/fuzz/stun $(B)/fuzz/dtls
$(KEYING_FUZZ): $(B)/fuzz/%: tests/fuzz/%.c $(KEYING_SRC) \
                $(wildcard control/keying/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. $(RE_C) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
		$(RE_L) -lsodium
FUZZ_PROGRAMS += $(KEYING_FUZZ)

$(B)/obj/tests/bench/dtls_bench.o: EXTRA = $(RE_C)
$(B)/bench/dtls_bench: $(B)/obj/tests/bench/dtls_bench.o \
                       $(call objs,$(KEYING_SRC))
	$(KEYING_LINK) $(RE_L) -lsodium -lpthread
BENCH_PROGRAMS += $(B)/bench/dtls_bench
