# SPDX-License-Identifier: Apache-2.0
# End-to-end encryption: the library that endpoints link, and its tests.
E2EE_LIB := $(B)/lib/libsallyport-e2ee.a
E2EE_L   := -lsodium -lcrypto

$(E2EE_LIB): $(call objs,$(E2EE_SRC))
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^
e2ee: $(E2EE_LIB)

E2EE_LINK = $(call say,LD,$@)mkdir -p $(@D) && $(CC) -pie $(LDFLAGS) \
            $(filter %.o %.a,$^) -Wl,-Map=$@.map -o $@

# Vectors: each takes a file of the same form as its argument.
E2EE_VECTORS := $(B)/tests/e2ee-vectors $(B)/tests/e2ee-media-vectors \
                $(B)/tests/sframe-vectors
$(E2EE_VECTORS): $(B)/tests/%: $(B)/obj/tests/e2ee/%.o \
                 $(B)/obj/tests/e2ee/vectors.o $(E2EE_LIB)
	$(E2EE_LINK) -ljansson $(E2EE_L)

# One side of a call in a process of its own, for the suites in Python.
E2EE_PEER := $(B)/tests/e2ee-peer
$(E2EE_PEER): $(B)/obj/tests/e2ee/e2ee-peer.o $(E2EE_LIB)
	$(E2EE_LINK) $(E2EE_L)

E2EE_TESTS := $(patsubst %,$(B)/tests/e2ee_%_test,handshake fields order \
                course trust sframe ratchet identity)
$(E2EE_TESTS): $(B)/tests/%: $(B)/obj/tests/e2ee/%.o \
               $(B)/obj/tests/e2ee/pair.o $(B)/obj/tests/e2ee/forger.o \
               $(E2EE_LIB) | $(E2EE_PEER)
	$(E2EE_LINK) -lcmocka $(E2EE_L)

CHECK_PROGRAMS += $(E2EE_VECTORS) $(E2EE_TESTS)
CHECK_PYTEST += $(sort $(wildcard tests/e2ee/test_*.py))

# libFuzzer: clang only; the library once more, instrumented.
E2EE_FUZZ := $(B)/fuzz/e2ee_messages $(B)/fuzz/e2ee_attr $(B)/fuzz/sframe_header
$(E2EE_FUZZ): $(B)/fuzz/%: tests/fuzz/%.c tests/e2ee/pair.c $(E2EE_SRC) \
              $(wildcard control/e2ee/*.h) tests/e2ee/pair.h
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)clang -std=gnu11 -O1 -g $(WARN) -I. \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ $(E2EE_L)
FUZZ_PROGRAMS += $(E2EE_FUZZ)

$(B)/bench/e2ee_bench: $(B)/obj/tests/bench/e2ee_bench.o \
                       $(B)/obj/tests/e2ee/pair.o $(E2EE_LIB)
	$(E2EE_LINK) $(E2EE_L)
BENCH_PROGRAMS += $(B)/bench/e2ee_bench
