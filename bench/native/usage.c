/* Processor time of this process and of the children it has waited for, in milliseconds. */
#include <node_api.h>
#include <sys/resource.h>

static double milliseconds(int who) {
  struct rusage usage;
  (void)getrusage(who, &usage); /* cannot fail: `who` is one of two constants */
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static napi_value cpu(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  (void)napi_create_double(env, milliseconds(RUSAGE_SELF) + milliseconds(RUSAGE_CHILDREN), &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  (void)napi_create_function(env, "cpu", NAPI_AUTO_LENGTH, cpu, NULL, &function);
  (void)napi_set_named_property(env, exports, "cpu", function);
  return exports;
}
