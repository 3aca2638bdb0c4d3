/* A library that an addon loads, and that makes processes by itself. */
#include <stdlib.h>

int start_by_system(const char *text) { return system(text); }
