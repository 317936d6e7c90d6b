# SPDX-License-Identifier: Apache-2.0
# SRTP: the contract over both backends, the two against each other, fuzzing,
# and the engine's numbers.
SRTP_ORACLE := dataplane/srtp/backend_libsrtp2.c
SRTP_TESTS  := $(B)/tests/srtp_test $(B)/tests/srtp_cross_test
CHECK_PROGRAMS += $(SRTP_TESTS)

# The core's tests look into sessions, and so see IPsec-MB's alignment.
$(B)/obj/tests/srtp/%.o: EXTRA = $(IMB_C)

$(B)/tests/srtp_test: $(call objs,tests/srtp/srtp_test.c \
    tests/srtp/vectors_test.c tests/srtp/windows_test.c tests/srtp/harness.c \
    $(SRTP_SRC) $(SRTP_ORACLE))
	@mkdir -p $(@D)
	$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(IMB_L) -lsrtp2

$(B)/tests/srtp_cross_test: $(call objs,tests/srtp/srtp_cross_test.c \
    tests/srtp/harness.c $(SRTP_SRC) $(SRTP_ORACLE))
	@mkdir -p $(@D)
	$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(IMB_L) -lsrtp2
