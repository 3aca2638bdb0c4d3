/*
 * Reads the arguments of a call from JavaScript. For the files that bind functions to it.
 */
#ifndef CLOSEFDS_ARGUMENTS_H
#define CLOSEFDS_ARGUMENTS_H

#include <node_api.h>
#include <stdbool.h>

/* Throws and returns false if there are fewer than `want`. */
static inline bool arguments(napi_env env, napi_callback_info info, size_t want, napi_value *values) {
  size_t count = want;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return false;
  if (count >= want) return true;
  (void)napi_throw_type_error(env, NULL, "too few arguments"); /* already failing */
  return false;
}

#endif
