# SPDX-License-Identifier: Apache-2.0
# The client of sallyport-media.
$(B)/obj/tests/duties/%.o: EXTRA = $(RE_C)

$(B)/tests/duties_test: $(call objs,tests/duties/duties_test.c \
    tests/duties/fake_media.c tests/media/loop.c control/log.c \
    $(call srcs,control/duties))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(RE_L) \
	    -ljansson -lpthread
CHECK_PROGRAMS += $(B)/tests/duties_test

# Codecs of calls, with it.
$(B)/tests/media_codec_test: $(call objs,tests/media/media_codec_test.c \
    tests/duties/fake_media.c tests/media/fake_dp.c tests/media/loop.c \
    tests/media/talk.c $(call srcs,control/sdp control/keying \
    control/dataplane control/duties) $(wildcard control/calls/media*.c) \
    control/log.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $^ -o $@ -lcmocka $(RE_L) \
	    -lsodium -ljansson -lpthread
CHECK_PROGRAMS += $(B)/tests/media_codec_test
