/* SPDX-License-Identifier: Apache-2.0 */
/* control/http/openapi.h - openapi.json beside this file, as it is served. */
#pragma once
#include <stddef.h>
#include <stdint.h>

extern const uint8_t openapi_json[];
extern const size_t openapi_json_len;
