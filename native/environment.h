/*
 * The environment variables of this process.
 *
 * Node asks the C library for one variable after the other, which takes a microsecond each behind a
 * fork. Whether any has changed is one comparison.
 */
#ifndef CLOSEFDS_ENVIRONMENT_H
#define CLOSEFDS_ENVIRONMENT_H

#include <stdbool.h>

/*
 * Whether a variable was added, removed, changed or moved since the last call. True at the first
 * call, and where it cannot be told: without memory, and on systems other than Linux.
 *
 * Call it on one thread, while no other thread changes variables.
 */
bool environment_changed(void);

#endif
