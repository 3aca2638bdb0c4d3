/* Processor time (milliseconds) and page faults of this process and of the children it has waited for. */
#include <node_api.h>
#include <sys/resource.h>

static struct rusage usage_of(int who) {
  struct rusage usage;
  (void)getrusage(who, &usage); /* cannot fail: `who` is one of two constants */
  return usage;
}

static double milliseconds(struct rusage usage) {
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static napi_value cpu(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  double sum = milliseconds(usage_of(RUSAGE_SELF)) + milliseconds(usage_of(RUSAGE_CHILDREN));
  (void)napi_create_double(env, sum, &result);
  return result;
}

/* Minor faults: those that read nothing from a disk. */
static napi_value faults(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  double sum = (double)(usage_of(RUSAGE_SELF).ru_minflt + usage_of(RUSAGE_CHILDREN).ru_minflt);
  (void)napi_create_double(env, sum, &result);
  return result;
}

static void add(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  (void)napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  (void)napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT() {
  add(env, exports, "cpu", cpu);
  add(env, exports, "faults", faults);
  return exports;
}
