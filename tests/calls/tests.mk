# SPDX-License-Identifier: Apache-2.0
# Whole calls: the real programs, real phones, three network namespaces.
CHECK_PYTEST += $(sort $(wildcard tests/calls/test_*.py))
# Those in which sallyport-media works on sound beside all else, or that are heard
# by several at once, want a quiet machine: with two cores, what computes beside
# them is heard as gaps. By themselves they take a fifth of a core.
CHECK_QUIET += $(addprefix tests/calls/,test_bad_media.py test_call_control.py \
    test_demo.py test_dtls.py test_notice.py test_pstn.py test_recording.py \
    test_sip_doors.py test_transcoding.py)
