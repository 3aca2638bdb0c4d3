/*
 * A process with just enough of N-API for the addon, to try a build of it where there is no Node:
 * with musl, and on another architecture. Prints what a child got, one line a try.
 *
 *   napi_host ADDON LIST_FDS LIBRARY
 *
 * LIBRARY is native_library.c, compiled: with the deep guard, what it makes by system() gets no stray.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <node_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOW_STRAY 20
#define HIGH_STRAY 200
#define LATE_STRAY 21 /* opened when the guard has set close-on-exec */
#define WORDS 6 /* of a file: binding.c */

struct napi_value__ {
  napi_valuetype type;
  double number;
  const void *data;
  size_t length;
  napi_typedarray_type elements;
};

struct napi_callback_info__ {
  napi_value *values;
  size_t count;
};

static struct {
  char name[32];
  napi_callback call;
} functions[24];
static size_t function_count;

/* Of the object that was made last. */
static struct {
  char name[32];
  napi_value value;
} properties[32];
static size_t property_count;

/* ---- N-API, as far as the addon uses it ---- */

static napi_value new_value(struct napi_value__ value) {
  napi_value made = malloc(sizeof *made);
  if (made == NULL) abort();
  *made = value;
  return made;
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *count,
                             napi_value *values, napi_value *self, void **data) {
  (void)env, (void)self, (void)data;
  for (size_t i = 0; i < *count && i < info->count; i++) values[i] = info->values[i];
  *count = info->count;
  return napi_ok;
}

napi_status napi_throw_type_error(napi_env env, const char *code, const char *message) {
  (void)env, (void)code;
  fprintf(stderr, "TypeError: %s\n", message);
  exit(3);
}

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype *type) {
  (void)env;
  *type = value->type;
  return napi_ok;
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool *result) {
  (void)env;
  *result = value->number != 0;
  return value->type == napi_boolean ? napi_ok : napi_boolean_expected;
}

napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t *result) {
  (void)env;
  *result = (int32_t)value->number;
  return value->type == napi_number ? napi_ok : napi_number_expected;
}

napi_status napi_get_boolean(napi_env env, bool on, napi_value *result) {
  (void)env;
  *result = new_value((struct napi_value__){.type = napi_boolean, .number = on});
  return napi_ok;
}

napi_status napi_create_int32(napi_env env, int32_t number, napi_value *result) {
  (void)env;
  *result = new_value((struct napi_value__){.type = napi_number, .number = number});
  return napi_ok;
}

napi_status napi_is_typedarray(napi_env env, napi_value value, bool *result) {
  (void)env;
  *result = value->type == napi_object;
  return napi_ok;
}

napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type *type,
                                     size_t *length, void **data, napi_value *buffer,
                                     size_t *offset) {
  (void)env, (void)buffer, (void)offset;
  *type = value->elements;
  *length = value->length;
  *data = (void *)value->data;
  return napi_ok;
}

napi_status napi_create_arraybuffer(napi_env env, size_t bytes, void **data, napi_value *result) {
  (void)env;
  *data = calloc(1, bytes + 1);
  *result = new_value((struct napi_value__){.type = napi_object, .data = *data});
  return napi_ok;
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length,
                                   napi_value buffer, size_t offset, napi_value *result) {
  (void)env, (void)offset;
  *result = new_value((struct napi_value__){
      .type = napi_object, .data = buffer->data, .length = length, .elements = type});
  return napi_ok;
}

napi_status napi_create_function(napi_env env, const char *name, size_t length, napi_callback call,
                                 void *data, napi_value *result) {
  (void)env, (void)length, (void)data;
  snprintf(functions[function_count].name, sizeof functions->name, "%s", name);
  functions[function_count++].call = call;
  return napi_create_int32(env, 0, result);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char *name,
                                    napi_value value) {
  (void)env, (void)object;
  if (property_count < sizeof properties / sizeof *properties) {
    snprintf(properties[property_count].name, sizeof properties->name, "%s", name);
    properties[property_count++].value = value;
  }
  return napi_ok;
}

napi_status napi_create_object(napi_env env, napi_value *result) {
  (void)env;
  property_count = 0;
  *result = new_value((struct napi_value__){.type = napi_object});
  return napi_ok;
}

napi_status napi_create_array(napi_env env, napi_value *result) { return napi_create_object(env, result); }

napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  (void)env, (void)object, (void)index, (void)value;
  return napi_ok;
}

napi_status napi_create_double(napi_env env, double number, napi_value *result) {
  (void)env;
  *result = new_value((struct napi_value__){.type = napi_number, .number = number});
  return napi_ok;
}

napi_status napi_create_string_utf8(napi_env env, const char *text, size_t length, napi_value *result) {
  (void)env, (void)length;
  *result = new_value((struct napi_value__){.type = napi_string, .data = text});
  return napi_ok;
}

napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char *text, size_t room, size_t *length) {
  (void)env, (void)value, (void)text, (void)room, (void)length;
  return napi_string_expected;
}

napi_status napi_set_instance_data(napi_env env, void *data, napi_finalize finalize, void *hint) {
  (void)env, (void)data, (void)finalize, (void)hint;
  return napi_ok;
}

/* ---- Calls into the addon ---- */

static napi_value call(const char *name, napi_value first, napi_value second) {
  napi_value values[] = {first, second};
  struct napi_callback_info__ info = {values, 2};
  for (size_t i = 0; i < function_count; i++)
    if (strcmp(functions[i].name, name) == 0) return functions[i].call(NULL, &info);
  fprintf(stderr, "the addon has no %s()\n", name);
  exit(3);
}

static napi_value nothing(void) { return new_value((struct napi_value__){.type = napi_undefined}); }

static napi_value boolean(bool value) {
  return new_value((struct napi_value__){.type = napi_boolean, .number = value});
}

static napi_value fd_of(int fd) {
  return new_value((struct napi_value__){.type = napi_number, .number = fd});
}

static napi_value words_of(const uint64_t *words, size_t count) {
  return new_value((struct napi_value__){
      .type = napi_object, .data = words, .length = count, .elements = napi_biguint64_array});
}

/* ---- Tries ---- */

static const char *list_fds;

static void show_child(const char *title) {
  printf("%s: ", title);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execl(list_fds, list_fds, (char *)NULL);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) exit(3);
}

static void open_at(const char *path, int at, int flags) {
  int fd = open(path, O_RDONLY);
  if (fd < 0 || dup3(fd, at, flags) != at || close(fd) != 0) exit(3);
}

static void open_stray(int at) { open_at("/dev/null", at, 0); }
static void open_other(int at) { open_at("/dev/zero", at, O_CLOEXEC); }

/* Of each stray: its FD, its identity, and whether it was there at start. */
static napi_value show_strays(void) {
  napi_value listed = call("list", boolean(false), NULL);
  const uint64_t *words = listed->data;
  printf("strays:");
  for (size_t i = 0; i + WORDS < listed->length; i += WORDS + 1)
    printf(" %d%s", (int)words[i], words[i + WORDS] != 0 ? " (at start)" : "");
  printf("\n");
  return listed;
}

static int state_of(const char *name) {
  (void)call("deepState", NULL, NULL);
  for (size_t i = 0; i < property_count; i++)
    if (strcmp(properties[i].name, name) == 0) return (int)properties[i].value->number;
  return -1;
}

/* As libuv's probe: the child runs on memory of the parent, if it is not forked. */
static void show_child_of_vfork(void) {
  fflush(stdout);
  pid_t child = vfork();
  if (child == 0) {
    execl(list_fds, list_fds, (char *)NULL);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) exit(3);
}

/* This program stands for Node, whose calls the wrappers of a newer glibc leave alone. */
static void show_deep(const char *file) {
  if (call("deepArm", fd_of(0), NULL)->number != 1) exit(3);
  void *library = dlopen(file, RTLD_NOW);
  (void)call("deepWalk", boolean(true), NULL);
  int (*start)(const char *) = NULL;
  if (library != NULL) *(void **)&start = dlsym(library, "start_by_system");
  open_stray(LATE_STRAY);
  printf("deep, stage %d, denied %d\nvfork: ", state_of("stage"), state_of("denied"));
  show_child_of_vfork();
  printf("system of a library: ");
  fflush(stdout);
  if (start == NULL || start(list_fds) != 0) exit(3);
  printf("marked for it: %d\n", state_of("markedCalls"));
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "expected: napi_host ADDON LIST_FDS LIBRARY\n");
    return 2;
  }
  list_fds = argv[2];
  /* As Node loads addons. */
  void *addon = dlopen(argv[1], RTLD_LAZY);
  if (addon == NULL) {
    printf("does not load: %s\n", dlerror());
    return 1;
  }
  napi_value (*init)(napi_env, napi_value);
  *(void **)&init = dlsym(addon, "napi_register_module_v1");
  if (init == NULL || init(NULL, nothing()) == NULL) return 3;

  open_stray(LOW_STRAY);
  show_child("without");

  if (call("arm", NULL, NULL)->number != 0) return 3;
  open_stray(HIGH_STRAY);
  napi_value strays = show_strays();

  /* The list is sorted: the low one is the first. */
  napi_value kept = words_of(strays->data, WORDS);
  double way = call("begin", kept, nothing())->number;
  show_child("kept");
  (void)call("end", boolean(true), NULL);

  (void)call("begin", kept, nothing());
  open_other(LOW_STRAY);
  show_child("kept, but another file by now");
  (void)call("end", boolean(true), NULL);

  call("begin", nothing(), nothing());
  show_child("none");
  (void)call("end", boolean(true), NULL);

  /* Forks that no spawn of Node's makes. */
  open_stray(LOW_STRAY);
  call("guardByDefault", boolean(true), NULL);
  show_child("by default");

  /* As before process.execve(), and taken back. */
  napi_value before = call("putPlaceholder", fd_of(LOW_STRAY), NULL);
  char byte;
  bool is_covered = before->number >= 0 && read(LOW_STRAY, &byte, 1) < 0 && errno == EBADF;
  (void)call("removePlaceholder", fd_of(LOW_STRAY), before);
  bool is_back = read(LOW_STRAY, &byte, 1) == 0;
  printf("covered: %s, and back: %s\n", is_covered ? "yes" : "no", is_back ? "yes" : "no");
  printf("spawning by %d, way %d\n", (int)call("spawning", NULL, NULL)->number, (int)way);
  show_deep(argv[3]);
  return 0;
}
