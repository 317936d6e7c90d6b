/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler brings the file in; the path is the tree's root's, where the
 * compiler runs. */
#include "control/http/openapi.h"

__asm__(".section .rodata\n"
	".global openapi_json\n"
	"openapi_json:\n"
	".incbin \"control/http/openapi.json\"\n"
	".byte 0\n"
	"openapi_json_end:\n"
	".balign 8\n"
	".global openapi_json_len\n"
	"openapi_json_len:\n"
	".quad openapi_json_end - openapi_json - 1\n"
	".previous\n");
