/*
 * The list of strays behind stray_guard_list() and stray_guard_forget_marked(), which stray_guard.h
 * declares. Runs in the parent only, because it allocates and locks.
 */
#ifndef CLOSEFDS_STRAY_LIST_H
#define CLOSEFDS_STRAY_LIST_H

/* Lists what is inheritable when the guard is armed, for the field `at_start`. Called once. */
void stray_list_note_start(void);

#endif
