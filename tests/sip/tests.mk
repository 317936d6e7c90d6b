# SPDX-License-Identifier: Apache-2.0
# Tests of control's SIP side and its store.
SIP_PURE := $(addprefix control/sip/,addr.c dialog.c digest.c guard.c message.c \
              multipart.c stream.c ws.c)
SIP_PURE_TESTS := $(patsubst %,$(B)/tests/%_test,dialog digest guard message \
                    transport)
SIP_TESTS := $(SIP_PURE_TESTS) $(B)/tests/timer_test $(B)/tests/store_test \
             $(B)/tests/numbers_test $(B)/tests/certificate_test
SIP_LINK  = @mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@

$(B)/obj/tests/sip/%.o: EXTRA = $(RE_C)
$(SIP_PURE_TESTS): $(B)/tests/%: $(B)/obj/tests/sip/%.o $(call objs,$(SIP_PURE))
	$(SIP_LINK) -lcmocka $(RE_L) -lsodium -ljansson
$(B)/tests/timer_test: $(call objs,tests/sip/timer_test.c control/timer.c)
	$(SIP_LINK) -Wl,--wrap=tmr_jiffies,--wrap=tmr_start -lcmocka $(RE_L)
$(B)/tests/numbers_test: $(call objs,tests/sip/numbers_test.c \
                         control/sip/numbers.c)
	$(SIP_LINK) -lcmocka
$(B)/tests/certificate_test: $(call objs,tests/sip/certificate_test.c \
                             control/certificate.c)
	$(SIP_LINK) -lcmocka $(RE_L)
$(B)/tests/store_test: $(call objs,tests/sip/store_test.c control/log.c \
                       $(call srcs,control/store) $(STORE_NEEDS))
	$(SIP_LINK) -lcmocka $(RE_L) -ljansson -lsqlite3 -lsodium -lpthread
CHECK_PROGRAMS += $(SIP_TESTS)

# The whole door, over a dataplane that only says yes.
$(B)/tests/fake-dataplane: $(B)/obj/tests/sip/fake_dataplane.o
	$(SIP_LINK)
$(SIP_TESTS): | $(B)/tests/fake-dataplane
CHECK_PYTEST += $(sort $(wildcard tests/sip/test_*.py))

# libFuzzer: clang only.
SIP_FUZZ := $(patsubst %,$(B)/fuzz/%,sip_msg sip_transport)
$(SIP_FUZZ): $(B)/fuzz/%: tests/fuzz/%.c $(SIP_PURE) \
                   $(wildcard control/sip/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. $(RE_C) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
		$(RE_L) -lsodium -ljansson
FUZZ_PROGRAMS += $(SIP_FUZZ)
