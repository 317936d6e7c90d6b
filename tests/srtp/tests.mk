# SPDX-License-Identifier: Apache-2.0
# SRTP: the contract over both backends, the two against each other, fuzzing,
# and the engine's numbers.
SRTP_ORACLE := dataplane/srtp/backend_libsrtp2.c
SRTP_TESTS  := $(B)/tests/srtp_test $(B)/tests/srtp_cross_test
CHECK_PROGRAMS += $(SRTP_TESTS)

# The core's tests look into sessions, and so see IPsec-MB's alignment.
$(B)/obj/tests/srtp/%.o: EXTRA = $(IMB_C)

$(B)/tests/srtp_test: $(call objs,tests/srtp/srtp_test.c \
    tests/srtp/vectors_test.c tests/srtp/windows_test.c \
    tests/srtp/keys_test.c tests/srtp/bounds_test.c tests/srtp/harness.c \
    $(SRTP_SRC) $(SRTP_ORACLE))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(IMB_L) -lsrtp2

$(B)/tests/srtp_cross_test: $(call objs,tests/srtp/srtp_cross_test.c \
    tests/srtp/harness.c $(SRTP_SRC) $(SRTP_ORACLE))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(IMB_L) -lsrtp2

# The engine's numbers. libsrtp2 is loaded when there is one, not linked.
LIBSRTP_OPENSSL := $(B)/libsrtp-openssl/libsrtp2.so
$(B)/obj/tests/bench/srtp_bench%.o \
$(B)/obj/tests/bench/options.o: EXTRA = $(IMB_C)

$(B)/bench/srtp_bench: $(call objs,tests/bench/srtp_bench.c tests/bench/options.c \
    tests/bench/srtp_bench_cell.c tests/bench/srtp_bench_bare.c \
    tests/bench/srtp_bench_engine.c \
    tests/bench/srtp_bench_libsrtp.c $(SRTP_SRC)) | $(LIBSRTP_OPENSSL)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ $(IMB_L) -ldl

# Missing where apt has no source of it: not an error.
$(LIBSRTP_OPENSSL):
	@scripts/bench/build-libsrtp-openssl $(@D)

BENCH_PROGRAMS += $(B)/bench/srtp_bench
.PHONY: bench-srtp
bench-srtp: $(B)/bench/srtp_bench
	$(B)/bench/srtp_bench

# libFuzzer: clang only; the engine once more, instrumented.
$(B)/fuzz/srtp_unprotect: tests/fuzz/srtp_unprotect.c $(SRTP_SRC) \
    $(wildcard dataplane/srtp/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. $(IMB_C) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ $(IMB_L)
FUZZ_PROGRAMS += $(B)/fuzz/srtp_unprotect
