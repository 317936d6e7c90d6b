# SPDX-License-Identifier: Apache-2.0
# sallyport-endpoint: included by the Makefile. It links control/e2ee and
# nothing of the gateway.
EP_SRC  := $(call srcs,control/endpoint)
EP_LIBS := libavformat libavdevice libavcodec libswresample libswscale libavutil
EP_L     = $(call pkg,libs,$(EP_LIBS)) $(RE_L) -lsrtp2 -lsodium -ljansson \
           -lcyaml -lyaml -lpthread

$(B)/obj/control/endpoint/%.o: EXTRA = $(RE_C) $(call pkg,cflags,$(EP_LIBS))
$(eval $(call program,sallyport-endpoint,$(EP_SRC) $(E2EE_SRC),$$(EP_L)))

PROGRAMS += $(B)/bin/sallyport-endpoint
all: $(B)/bin/sallyport-endpoint

.PHONY: endpoint
endpoint: $(B)/bin/sallyport-endpoint
