/*
 * Translates between JavaScript and deep_guard.h, and decides nothing. A wrong argument throws: it is a bug in
 * src/hooks/deep-guard.ts.
 */
#define _GNU_SOURCE
#include "deep_binding.h"

#include "arguments.h"
#include "deep_guard.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"

static bool to_int(napi_env env, napi_value value, int *result) {
  if (napi_get_value_int32(env, value, result) == napi_ok) return true;
  (void)napi_throw_type_error(env, NULL, "expected a number"); /* already failing */
  return false;
}

/* deepArm(policy: number): boolean */
static napi_value deep_arm_js(napi_env env, napi_callback_info info) {
  napi_value values[1], result;
  int policy;
  if (!arguments(env, info, 1, values) || !to_int(env, values[0], &policy)) return NULL;
  const bool is_armed = deep_arm((enum native_policy)policy, (const void *)napi_create_function);
  return napi_get_boolean(env, is_armed, &result) == napi_ok ? result : NULL;
}

/* deepWalk(always: boolean): boolean */
static napi_value deep_walk_js(napi_env env, napi_callback_info info) {
  napi_value values[1], result;
  bool always = false;
  if (!arguments(env, info, 1, values) || napi_get_value_bool(env, values[0], &always) != napi_ok) return NULL;
  return napi_get_boolean(env, deep_walk(always), &result) == napi_ok ? result : NULL;
}

static void set_number(napi_env env, napi_value object, const char *name, int value) {
  napi_value number;
  if (napi_create_int32(env, value, &number) == napi_ok) (void)napi_set_named_property(env, object, name, number);
}

static void set_flag(napi_env env, napi_value object, const char *name, bool value) {
  napi_value flag;
  if (napi_get_boolean(env, value, &flag) == napi_ok) (void)napi_set_named_property(env, object, name, flag);
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value string;
  if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &string) == napi_ok)
    (void)napi_set_named_property(env, object, name, string);
}

/* deepState(): the fields of struct deep_state */
static napi_value deep_state_js(napi_env env, napi_callback_info info) {
  napi_value result;
  (void)info;
  if (napi_create_object(env, &result) != napi_ok) return NULL;
  const struct deep_state state = deep_state();
  set_number(env, result, "stage", (int)state.stage);
  set_number(env, result, "objects", state.imports.objects);
  set_number(env, result, "covered", state.imports.covered);
  set_number(env, result, "denied", state.imports.denied);
  set_number(env, result, "foreign", state.imports.foreign);
  set_number(env, result, "old", state.imports.old);
  set_number(env, result, "hostMissed", state.imports.host_missed);
  set_flag(env, result, "canClose", state.can_close);
  set_flag(env, result, "knowsActions", state.knows_actions);
  set_flag(env, result, "leavesVfork", state.leaves_vfork);
  set_number(env, result, "markedCalls", (int)state.marked_calls);
  set_number(env, result, "lostRecords", (int)state.lost_records);
  return result;
}

/* deepObjects(from: number): string[], the paths of the objects from this index on; of the program: "" */
static napi_value deep_objects_js(napi_env env, napi_callback_info info) {
  napi_value values[1], result, path;
  int from;
  if (!arguments(env, info, 1, values) || !to_int(env, values[0], &from)) return NULL;
  if (napi_create_array(env, &result) != napi_ok) return NULL;
  for (int i = from < 0 ? 0 : from; i < object_count(); i++)
    if (napi_create_string_utf8(env, object_at(i)->path, NAPI_AUTO_LENGTH, &path) == napi_ok)
      (void)napi_set_element(env, result, (uint32_t)(i - from), path);
  return result;
}

static void set_variable(napi_env env, napi_value value, struct code_object *object) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return; /* undefined */
  char *name = malloc(length + 1); /* kept as long as the process: a wrapper may be reading it */
  if (name == NULL) return;
  if (napi_get_value_string_utf8(env, value, name, length + 1, &length) == napi_ok)
    atomic_store(&object->keep_variable, name);
  else
    free(name);
}

/* deepSetObject(index: number, policy: number, keep: Int32Array, variable: string | undefined): void */
static napi_value deep_set_object_js(napi_env env, napi_callback_info info) {
  napi_value values[4];
  int index, policy;
  if (!arguments(env, info, 4, values) || !to_int(env, values[0], &index) || !to_int(env, values[1], &policy))
    return NULL;
  void *data = NULL;
  size_t count = 0;
  napi_typedarray_type type;
  if (index < 0 || index >= object_count() ||
      napi_get_typedarray_info(env, values[2], &type, &count, &data, NULL, NULL) != napi_ok ||
      type != napi_int32_array) {
    (void)napi_throw_type_error(env, NULL, "expected the index of an object and an Int32Array");
    return NULL;
  }
  struct code_object *object = object_at(index);
  for (size_t i = 0; i < MOST_KEPT; i++) atomic_store(&object->keep[i], i < count ? ((int *)data)[i] : 0);
  set_variable(env, values[3], object);
  atomic_store(&object->policy, policy);
  return NULL;
}

static void set_fds(napi_env env, napi_value object, const char *name, const int *fds, int count) {
  napi_value array, number;
  if (napi_create_array(env, &array) != napi_ok) return;
  for (int i = 0; i < count && i < RECORD_FDS; i++)
    if (napi_create_int32(env, fds[i], &number) == napi_ok)
      (void)napi_set_element(env, array, (uint32_t)i, number);
  (void)napi_set_named_property(env, object, name, array);
}

static void set_inodes(napi_env env, napi_value object, const struct record *record) {
  napi_value array, number;
  if (napi_create_array(env, &array) != napi_ok) return;
  for (int i = 0; i < record->stray_count && i < RECORD_FDS; i++)
    if (napi_create_double(env, (double)record->inodes[i], &number) == napi_ok)
      (void)napi_set_element(env, array, (uint32_t)i, number);
  (void)napi_set_named_property(env, object, "inodes", array);
}

static napi_value to_object(napi_env env, const struct record *record) {
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return NULL;
  set_number(env, result, "kind", (int)record->kind);
  set_number(env, result, "pid", record->pid);
  set_number(env, result, "object", record->object);
  set_flag(env, result, "isShell", record->is_shell);
  set_flag(env, result, "looked", record->looked);
  set_flag(env, result, "passed", record->passed);
  set_flag(env, result, "onThread", record->on_thread);
  set_number(env, result, "strayCount", record->stray_count);
  set_number(env, result, "designatedCount", record->designated_count);
  set_fds(env, result, "strays", record->strays, record->stray_count);
  set_inodes(env, result, record);
  set_fds(env, result, "designated", record->designated, record->designated_count);
  set_text(env, result, "command", record->command);
  return result;
}

/* Records that one call returns at most, so that a program that makes processes all the time is not held up. */
#define MOST_RECORDS 256

/* deepRecords(): the fields of struct record, oldest first. For one thread. */
static napi_value deep_records_js(napi_env env, napi_callback_info info) {
  napi_value result;
  struct record record;
  (void)info;
  if (napi_create_array(env, &result) != napi_ok) return NULL;
  for (uint32_t i = 0; i < MOST_RECORDS && record_take(&record); i++) {
    napi_value object = to_object(env, &record);
    if (object != NULL) (void)napi_set_element(env, result, i, object);
  }
  return result;
}

bool add_deep_functions(napi_env env, napi_value exports) {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"deepArm", deep_arm_js},         {"deepWalk", deep_walk_js},           {"deepState", deep_state_js},
      {"deepObjects", deep_objects_js}, {"deepSetObject", deep_set_object_js}, {"deepRecords", deep_records_js},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function) !=
            napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return false;
  }
  return true;
}

#else /* no deep guard: the exports have none of its functions */

bool add_deep_functions(napi_env env, napi_value exports) {
  (void)env;
  (void)exports;
  return true;
}

#endif
