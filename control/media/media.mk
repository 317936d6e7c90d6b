# SPDX-License-Identifier: Apache-2.0
# sallyport-media: included by the Makefile. Of the gateway it links the log,
# the word to systemd and the YAML loader; no DPDK, no libre, nothing of calls.
PLAIN_SRC  := $(call srcs,control/media)
PLAIN_LIBS := libavformat libavcodec libswresample libavutil
PLAIN_L     = $(call pkg,libs,$(PLAIN_LIBS)) -lsodium -ljansson -lm -lpthread

$(B)/obj/control/media/%.o: EXTRA = $(call pkg,cflags,$(PLAIN_LIBS))
$(eval $(call program,sallyport-media,$(PLAIN_SRC) control/log.c control/notify_say.c $(CONF_SRC),$$(PLAIN_L) -lcyaml -lyaml))

PROGRAMS += $(B)/bin/sallyport-media
all: $(B)/bin/sallyport-media

.PHONY: media
media: $(B)/bin/sallyport-media
