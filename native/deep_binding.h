/* The deep guard for JavaScript: functions whose names begin with "deep". */
#ifndef CLOSEFDS_DEEP_BINDING_H
#define CLOSEFDS_DEEP_BINDING_H

#include <node_api.h>
#include <stdbool.h>

/* Adds the functions to the addon's exports. Returns false if an exception is pending. */
bool add_deep_functions(napi_env env, napi_value exports);

#endif
