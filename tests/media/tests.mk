# SPDX-License-Identifier: Apache-2.0
# SDP, SDES, offer and answer, the dataplane's client, the control API.
MEDIA_SRC  := $(call srcs,control/sdp control/keying control/dataplane \
              control/duties) \
              $(wildcard control/calls/media*.c) control/log.c
# of control/keying, what needs neither OpenSSL nor libre
SDES_SRC   := $(addprefix control/keying/,sdes.c hopkey.c vault.c)
MEDIA_L     = $(RE_L) -lsodium -ljansson -lpthread
MEDIA_LINK  = @mkdir -p $(@D); $(CC) -pie $(LDFLAGS) $(filter %.o,$^) -o $@

$(B)/obj/tests/media/%.o: EXTRA = $(RE_C)

MEDIA_PURE := $(patsubst %,$(B)/tests/%_test,sdp sdes features)
$(MEDIA_PURE): $(B)/tests/%: $(B)/obj/tests/media/%.o \
               $(call objs,$(call srcs,control/sdp control/policy \
               control/features) $(SDES_SRC))
	$(MEDIA_LINK) -lcmocka -lsodium

# Over a dataplane of the tests' own: its abi server, in a thread.
MEDIA_LIVE := $(patsubst %,$(B)/tests/%_test,dp dp_punt media media_course media_security webrtc)
$(MEDIA_LIVE): $(B)/tests/%: $(B)/obj/tests/media/%.o \
               $(call objs,tests/media/fake_dp.c tests/media/loop.c \
               tests/media/talk.c $(MEDIA_SRC))
	$(MEDIA_LINK) -lcmocka $(MEDIA_L)

CHECK_PROGRAMS += $(MEDIA_PURE) $(MEDIA_LIVE)

# libFuzzer: clang only.
MEDIA_FUZZ := $(B)/fuzz/sdp $(B)/fuzz/sdes
$(MEDIA_FUZZ): $(B)/fuzz/%: tests/fuzz/%.c $(call srcs,control/sdp) \
               $(SDES_SRC) $(wildcard control/sdp/*.h control/keying/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ -lsodium
FUZZ_PROGRAMS += $(MEDIA_FUZZ)

# The control API, against the real control, by HTTP and by sallyctl.
MEDIA_FAKE := $(B)/tests/abi-server
$(MEDIA_FAKE): $(call objs,tests/media/abi-server.c tests/media/fake_dp.c)
	$(MEDIA_LINK) -lpthread
$(MEDIA_LIVE): | $(MEDIA_FAKE)
CHECK_PYTEST += tests/media/test_api.py

# The whole negotiation, over a stub of the dataplane's client.
$(B)/fuzz/media: tests/fuzz/media.c control/log.c $(call srcs,control/sdp \
                 control/keying control/duties) $(wildcard control/calls/media*.c \
                 control/calls/media*.h control/*/*.h)
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g $(WARN) -I. $(RE_C) \
		-fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(filter %.c,$^) -o $@ \
		$(RE_L) -lsodium -ljansson
FUZZ_PROGRAMS += $(B)/fuzz/media
