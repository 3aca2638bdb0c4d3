/*
 * An addon that stands for another tool that replaces imports, as memory profilers do. It leaves RELRO writable.
 *
 *   patch(object, name)   replaces the imports of `name` (fork or system) in objects whose path ends with `object`;
 *                         the program's own path is empty. Returns how many.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../native/elf_object.c"

static int other_system(const char *text) {
  int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "system");
  return real(text);
}

static int other_fork(void) {
  int (*real)(void) = (int (*)(void))dlsym(RTLD_NEXT, "fork");
  return real();
}

struct patch {
  char object[256], name[64];
  int count;
};

static void replace(const struct elf_object *object, const struct elf_import *import, void *data) {
  struct patch *patch = data;
  if (strcmp(elf_name(object, import->symbol), patch->name) != 0) return;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = import->slot & ~(page - 1);
  if (mprotect((void *)start, page, PROT_READ | PROT_WRITE) != 0) return;
  *(void **)import->slot = strcmp(patch->name, "fork") == 0 ? (void *)other_fork : (void *)other_system;
  patch->count++;
}

static bool ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), size = strlen(end);
  return size == 0 ? length == 0 : length >= size && strcmp(text + length - size, end) == 0;
}

static int visit(struct dl_phdr_info *info, size_t size, void *data) {
  struct elf_object object;
  struct patch *patch = data;
  (void)size;
  if (elf_read(info, &object) && ends_with(object.path, patch->object)) elf_visit_imports(&object, replace, patch);
  return 0;
}

static napi_value js_patch(napi_env env, napi_callback_info info) {
  struct patch patch = {.count = 0};
  napi_value values[2], result = NULL;
  size_t count = 2, length;
  (void)napi_get_cb_info(env, info, &count, values, NULL, NULL);
  (void)napi_get_value_string_utf8(env, values[0], patch.object, sizeof patch.object, &length);
  (void)napi_get_value_string_utf8(env, values[1], patch.name, sizeof patch.name, &length);
  (void)dl_iterate_phdr(visit, &patch);
  (void)napi_create_int32(env, patch.count, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  (void)napi_create_function(env, "patch", NAPI_AUTO_LENGTH, js_patch, NULL, &function);
  (void)napi_set_named_property(env, exports, "patch", function);
  return exports;
}
