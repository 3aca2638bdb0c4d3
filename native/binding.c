/*
 * Translates between JavaScript and stray_guard.h, and decides nothing. A wrong argument throws: it is a
 * bug in src/strays/native-guard.ts.
 */
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "deep_binding.h"
#include "environment.h"
#include "placeholder.h"
#include "spare_memory.h"
#include "stray_guard.h"

/* The number of 64-bit words for each file in a BigUint64Array: the FD, then its identity. */
#define WORDS 6
/* list() has one more word: `atStart`. */
#define LIST_WORDS (WORDS + 1)

static bool to_bool(napi_env env, napi_value value, bool *result) {
  if (napi_get_value_bool(env, value, result) == napi_ok) return true;
  (void)napi_throw_type_error(env, NULL, "expected a boolean"); /* already failing */
  return false;
}

/* Gets the elements of a typed array. undefined is an empty array. Throws for other values. */
static bool to_elements(napi_env env, napi_value value, napi_typedarray_type type, void **data,
                        size_t *count) {
  napi_valuetype kind;
  *data = NULL;
  *count = 0;
  if (napi_typeof(env, value, &kind) == napi_ok && kind == napi_undefined) return true;

  bool is_typed = false;
  napi_typedarray_type element;
  if (napi_is_typedarray(env, value, &is_typed) == napi_ok && is_typed &&
      napi_get_typedarray_info(env, value, &element, count, data, NULL, NULL) == napi_ok &&
      element == type)
    return true;
  (void)napi_throw_type_error(env, NULL, "expected another typed array or undefined"); /* as above */
  return false;
}

/* Reads a list of FDs. JavaScript passes sorted, distinct numbers. */
static bool to_list(napi_env env, napi_value value, struct fd_list *list) {
  void *data;
  if (!to_elements(env, value, napi_int32_array, &data, &list->count)) return false;
  list->fds = data;
  return true;
}

/* Reads a list of files, which JavaScript sorts by FD. The caller frees it. Without memory it is empty. */
static bool to_files(napi_env env, napi_value value, struct file_list *list) {
  void *data;
  size_t count;
  *list = (struct file_list){NULL, 0};
  if (!to_elements(env, value, napi_biguint64_array, &data, &count)) return false;
  struct open_file *files = count < WORDS ? NULL : malloc(count / WORDS * sizeof *files);
  if (files == NULL) return true;

  const uint64_t *words = data;
  for (size_t i = 0; i < count / WORDS; i++, words += WORDS) {
    const struct file_identity identity = {words[1], words[2], words[3], words[4], words[5]};
    files[i] = (struct open_file){(int)words[0], identity};
  }
  *list = (struct file_list){files, count / WORDS};
  return true;
}

static napi_value number(napi_env env, int value) {
  napi_value result = NULL;
  (void)napi_create_int32(env, value, &result); /* NULL is undefined to JavaScript */
  return result;
}

/* arm(): number, 0 or an errno code */
static napi_value arm(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, stray_guard_arm());
}

/* guardByDefault(on: boolean): boolean, what it was before */
static napi_value guard_by_default(napi_env env, napi_callback_info info) {
  napi_value values[1], before;
  bool on;
  if (!arguments(env, info, 1, values) || !to_bool(env, values[0], &on)) return NULL;
  return napi_get_boolean(env, stray_guard_by_default(on), &before) == napi_ok ? before : NULL;
}

/* replace(keep?: BigUint64Array): number, the way or a negative errno code */
static napi_value replace(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct file_list keep;
  if (!arguments(env, info, 1, values) || !to_files(env, values[0], &keep)) return NULL;
  int way = stray_guard_replace(keep);
  free((void *)keep.files);
  return number(env, way);
}

/* mark(beforeSpawn: boolean): number, the way or a negative errno code */
static napi_value mark(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool before_spawn;
  if (!arguments(env, info, 1, values) || !to_bool(env, values[0], &before_spawn)) return NULL;
  return number(env, stray_guard_mark(before_spawn));
}

/* begin(keep?: BigUint64Array, sources?: Int32Array): number, the way or a negative errno code */
static napi_value begin(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct file_list keep;
  struct fd_list sources;
  if (!arguments(env, info, 2, values) || !to_list(env, values[1], &sources) ||
      !to_files(env, values[0], &keep))
    return NULL;
  int way = stray_guard_begin(keep, sources);
  free((void *)keep.files);
  return number(env, way);
}

/* beginDenial(deny?: BigUint64Array): number, 0 or a negative errno code */
static napi_value begin_denial(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct file_list deny;
  if (!arguments(env, info, 1, values) || !to_files(env, values[0], &deny)) return NULL;
  int result = stray_guard_begin_denial(deny);
  free((void *)deny.files);
  return number(env, result);
}

/* markFiles(files: BigUint64Array | undefined, marked: boolean): void */
static napi_value mark_files(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct file_list files;
  bool marked;
  if (!arguments(env, info, 2, values) || !to_bool(env, values[1], &marked) ||
      !to_files(env, values[0], &files))
    return NULL;
  stray_guard_mark_files(files, marked);
  free((void *)files.files);
  return NULL;
}

/* end(started: boolean): boolean, whether a fork ran the handlers */
static napi_value end(napi_env env, napi_callback_info info) {
  napi_value values[1], forked;
  bool started;
  if (!arguments(env, info, 1, values) || !to_bool(env, values[0], &started)) return NULL;
  return napi_get_boolean(env, stray_guard_end(started), &forked) == napi_ok ? forked : NULL;
}

/* spawning(): number, enum stray_guard_spawning */
static napi_value spawning(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, (int)stray_guard_spawning());
}

/* placeholder(): number, an FD or a negative errno code */
static napi_value placeholder(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, placeholder_fd());
}

static bool to_int(napi_env env, napi_value value, int *result) {
  if (napi_get_value_int32(env, value, result) == napi_ok) return true;
  (void)napi_throw_type_error(env, NULL, "expected a number"); /* already failing */
  return false;
}

/* putPlaceholder(fd: number): number, a duplicate of what was there or a negative errno code */
static napi_value put_placeholder(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int fd;
  if (!arguments(env, info, 1, values) || !to_int(env, values[0], &fd)) return NULL;
  return number(env, placeholder_put(fd));
}

/* removePlaceholder(fd: number, before: number): void */
static napi_value remove_placeholder(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int fd, before;
  if (arguments(env, info, 2, values) && to_int(env, values[0], &fd) &&
      to_int(env, values[1], &before))
    placeholder_remove(fd, before);
  return NULL;
}

/* list(forgetMarked: boolean): BigUint64Array, LIST_WORDS numbers for each stray */
static napi_value list(napi_env env, napi_callback_info info) {
  napi_value values[1];
  bool forget;
  if (!arguments(env, info, 1, values) || !to_bool(env, values[0], &forget)) return NULL;
  if (forget) stray_guard_forget_marked();

  struct stray *strays = NULL;
  size_t count = 0;
  napi_value buffer, result = NULL;
  uint64_t *out;
  /* Out of memory: the strays found so far are still correct. */
  (void)stray_guard_list(&strays, &count);

  if (napi_create_arraybuffer(env, count * LIST_WORDS * sizeof *out, (void **)&out, &buffer) ==
          napi_ok &&
      napi_create_typedarray(env, napi_biguint64_array, count * LIST_WORDS, buffer, 0, &result) ==
          napi_ok) {
    for (size_t i = 0; i < count; i++, out += LIST_WORDS) {
      const struct file_identity *identity = &strays[i].file.identity;
      const uint64_t words[LIST_WORDS] = {(uint64_t)strays[i].file.fd, identity->dev,  identity->ino,
                                          identity->kind,              identity->rdev, identity->born,
                                          strays[i].at_start};
      memcpy(out, words, sizeof words);
    }
  }
  free(strays);
  return result;
}

/* environmentChanged(): boolean */
static napi_value has_environment_changed(napi_env env, napi_callback_info info) {
  napi_value changed;
  (void)info;
  return napi_get_boolean(env, environment_changed(), &changed) == napi_ok ? changed : NULL;
}

/* releaseSpareMemory(): void */
static napi_value release_spare_memory(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  spare_memory_release();
  return NULL;
}

/* A worker that is terminated within a spawn runs no `finally` block, so JavaScript does not call end(). */
static void on_thread_end(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  (void)hint;
  stray_guard_end_thread();
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"arm", arm}, {"guardByDefault", guard_by_default}, {"mark", mark}, {"begin", begin}, {"end", end},
      {"replace", replace}, {"beginDenial", begin_denial}, {"markFiles", mark_files}, {"spawning", spawning}, {"list", list}, {"placeholder", placeholder},
      {"putPlaceholder", put_placeholder}, {"removePlaceholder", remove_placeholder},
      {"environmentChanged", has_environment_changed}, {"releaseSpareMemory", release_spare_memory},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL,
                             &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return NULL; /* an exception is pending */
  }
  if (!add_deep_functions(env, exports)) return NULL;
  /* A cleanup hook would not do: a second require() in the same thread would add it twice, and abort. */
  if (napi_set_instance_data(env, (void *)functions, on_thread_end, NULL) != napi_ok) return NULL;
  return exports;
}
