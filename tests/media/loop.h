/* SPDX-License-Identifier: Apache-2.0 */
/* tests/media/loop.h - libre's event loop, run until something holds. */
#pragma once
#include <stdbool.h>

void loop_init(void);
void loop_close(void);
/** @return false: it didn't hold within ms. */
bool loop_until(bool (*holds)(void *arg), void *arg, unsigned ms);
void loop_for(unsigned ms);
