/*
 * Memory that malloc() keeps for later.
 */
#ifndef CLOSEFDS_SPARE_MEMORY_H
#define CLOSEFDS_SPARE_MEMORY_H

/*
 * Gives the free pages of malloc() back to the system, since each fork() copies them. Does nothing in
 * a process with much memory: there it would take long, and the process needs its pages again. Nor where the C library has no such function (musl).
 */
void spare_memory_release(void);

#endif
