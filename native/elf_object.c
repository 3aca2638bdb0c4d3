#define _GNU_SOURCE
#include "elf_object.h"

#ifdef DEEP_GUARD_SUPPORTED

#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#define JUMP_SLOT R_X86_64_JUMP_SLOT
#define GLOB_DAT R_X86_64_GLOB_DAT
#define ABSOLUTE R_X86_64_64
#else
#define JUMP_SLOT R_AARCH64_JUMP_SLOT
#define GLOB_DAT R_AARCH64_GLOB_DAT
#define ABSOLUTE R_AARCH64_ABS64
#endif

#define VERSION_HIDDEN 0x8000
#define VERSION_INDEX 0x7fff

static void read_segments(struct elf_object *object) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  object->start = UINTPTR_MAX;
  for (size_t i = 0; i < object->header_count; i++) {
    const Elf64_Phdr *header = &object->headers[i];
    uintptr_t start = object->base + header->p_vaddr, end = start + header->p_memsz;
    if (header->p_type == PT_LOAD) {
      if (start < object->start) object->start = start;
      if (end > object->end) object->end = end;
    } else if (header->p_type == PT_GNU_RELRO) {
      /* The loader protects whole pages: it rounds both ends down. */
      object->relro_start = start & ~(page - 1);
      object->relro_end = end & ~(page - 1);
    }
  }
}

/* glibc relocates the addresses in the dynamic section, musl does not. */
static uintptr_t address_of(const struct elf_object *object, Elf64_Addr value) {
  return value < object->base ? object->base + value : value;
}

static void read_table(struct elf_object *object, const Elf64_Dyn *entry, size_t *relative) {
  const uintptr_t address = address_of(object, entry->d_un.d_ptr);
  switch (entry->d_tag) {
    case DT_SYMTAB: object->symbols = (const Elf64_Sym *)address; break;
    case DT_STRTAB: object->names = (const char *)address; break;
    case DT_VERSYM: object->versions = (const Elf64_Half *)address; break;
    case DT_VERNEED: object->needed = (const Elf64_Verneed *)address; break;
    case DT_VERDEF: object->defined = (const Elf64_Verdef *)address; break;
    case DT_GNU_HASH: object->gnu_hash = (const uint32_t *)address; break;
    case DT_HASH: object->sysv_hash = (const uint32_t *)address; break;
    case DT_JMPREL: object->plt = (const Elf64_Rela *)address; break;
    case DT_PLTRELSZ: object->plt_count = entry->d_un.d_val / sizeof(Elf64_Rela); break;
    case DT_RELA: object->rela = (const Elf64_Rela *)address; break;
    case DT_RELASZ: object->rela_count = entry->d_un.d_val / sizeof(Elf64_Rela); break;
    case DT_RELACOUNT: *relative = entry->d_un.d_val; break;
    default: break;
  }
}

static void read_dynamic(struct elf_object *object, const Elf64_Dyn *dynamic) {
  size_t relative = 0;
  const Elf64_Dyn *soname = NULL;
  for (const Elf64_Dyn *entry = dynamic; entry->d_tag != DT_NULL; entry++) {
    read_table(object, entry, &relative);
    if (entry->d_tag == DT_SONAME) soname = entry;
  }
  if (soname != NULL && object->names != NULL) object->soname = object->names + soname->d_un.d_val;
  /* Relative relocations come first, and have no symbol. */
  if (object->rela != NULL && relative <= object->rela_count) {
    object->rela += relative;
    object->rela_count -= relative;
  }
  if (object->rela == NULL) object->rela_count = 0;
  if (object->plt == NULL) object->plt_count = 0;
}

bool elf_read(const struct dl_phdr_info *info, struct elf_object *object) {
  memset(object, 0, sizeof *object);
  object->path = info->dlpi_name == NULL ? "" : info->dlpi_name;
  object->base = info->dlpi_addr;
  object->headers = info->dlpi_phdr;
  object->header_count = info->dlpi_phnum;
  read_segments(object);

  const Elf64_Dyn *dynamic = NULL;
  for (size_t i = 0; i < object->header_count; i++)
    if (object->headers[i].p_type == PT_DYNAMIC)
      dynamic = (const Elf64_Dyn *)(object->base + object->headers[i].p_vaddr);
  if (dynamic == NULL || strncmp(object->path, "linux-vdso", 10) == 0) return false;
  read_dynamic(object, dynamic);
  return object->symbols != NULL && object->names != NULL;
}

/* musl is its own loader, and may be started by either name; as Debian builds it, it has no soname. */
bool elf_is_libc(const struct elf_object *object) {
  const char *slash = strrchr(object->path, '/');
  const char *name = object->soname != NULL ? object->soname : slash != NULL ? slash + 1 : object->path;
  return strcmp(name, "libc.so.6") == 0 || strcmp(name, "libc.so") == 0 || strncmp(name, "libc.musl-", 10) == 0 ||
         strncmp(name, "ld-musl-", 8) == 0;
}

static void visit_relocations(const struct elf_object *object, const Elf64_Rela *first, size_t count,
                              elf_import_visitor *visit, void *data) {
  for (const Elf64_Rela *entry = first; entry < first + count; entry++) {
    const uint64_t type = ELF64_R_TYPE(entry->r_info);
    const uint32_t symbol = (uint32_t)ELF64_R_SYM(entry->r_info);
    if (symbol == 0) continue;
    if (type != JUMP_SLOT && type != GLOB_DAT && (type != ABSOLUTE || entry->r_addend != 0)) continue;
    if (object->symbols[symbol].st_shndx != SHN_UNDEF) continue;
    const struct elf_import import = {object->base + entry->r_offset, symbol, type == JUMP_SLOT};
    visit(object, &import, data);
  }
}

void elf_visit_imports(const struct elf_object *object, elf_import_visitor *visit, void *data) {
  visit_relocations(object, object->plt, object->plt_count, visit, data);
  visit_relocations(object, object->rela, object->rela_count, visit, data);
}

const char *elf_name(const struct elf_object *object, uint32_t symbol) {
  return object->names + object->symbols[symbol].st_name;
}

const char *elf_import_version(const struct elf_object *object, uint32_t symbol) {
  if (object->versions == NULL || object->needed == NULL) return NULL;
  const Elf64_Half index = object->versions[symbol] & VERSION_INDEX;
  const Elf64_Verneed *file = object->needed;
  for (;;) {
    const Elf64_Vernaux *version = (const Elf64_Vernaux *)((const char *)file + file->vn_aux);
    for (Elf64_Half i = 0; i < file->vn_cnt; i++) {
      if ((version->vna_other & VERSION_INDEX) == index) return object->names + version->vna_name;
      version = (const Elf64_Vernaux *)((const char *)version + version->vna_next);
    }
    if (file->vn_next == 0) return NULL;
    file = (const Elf64_Verneed *)((const char *)file + file->vn_next);
  }
}

/* ------------------------------------------------------------------------------------------
 * Functions that an object defines
 * ---------------------------------------------------------------------------------------- */

static bool has_version(const struct elf_object *object, uint32_t symbol, const char *version) {
  if (object->versions == NULL || object->defined == NULL) return version == NULL;
  const Elf64_Half value = object->versions[symbol];
  if (version == NULL) return !(value & VERSION_HIDDEN);
  for (const Elf64_Verdef *entry = object->defined;;) {
    if (entry->vd_ndx == (value & VERSION_INDEX)) {
      const Elf64_Verdaux *name = (const Elf64_Verdaux *)((const char *)entry + entry->vd_aux);
      return strcmp(object->names + name->vda_name, version) == 0;
    }
    if (entry->vd_next == 0) return false;
    entry = (const Elf64_Verdef *)((const char *)entry + entry->vd_next);
  }
}

static void *function_at(const struct elf_object *object, uint32_t symbol, const char *name, const char *version) {
  const Elf64_Sym *entry = &object->symbols[symbol];
  if (entry->st_shndx == SHN_UNDEF || entry->st_value == 0) return NULL;
  if (ELF64_ST_TYPE(entry->st_info) != STT_FUNC || strcmp(elf_name(object, symbol), name) != 0) return NULL;
  return has_version(object, symbol, version) ? (void *)(object->base + entry->st_value) : NULL;
}

/* DT_GNU_HASH: four words, a Bloom filter of 64-bit words, the buckets, and a chain for each symbol. */
static void *find_by_gnu_hash(const struct elf_object *object, const char *name, const char *version) {
  const uint32_t bucket_count = object->gnu_hash[0], offset = object->gnu_hash[1];
  const uint32_t *buckets = object->gnu_hash + 4 + (size_t)object->gnu_hash[2] * 2;
  const uint32_t *chains = buckets + bucket_count;
  uint32_t hash = 5381;
  for (const char *at = name; *at; at++) hash = hash * 33 + (unsigned char)*at;

  uint32_t symbol = bucket_count == 0 ? 0 : buckets[hash % bucket_count];
  if (symbol < offset) return NULL;
  for (;; symbol++) {
    const uint32_t chain = chains[symbol - offset];
    void *found = (chain | 1) == (hash | 1) ? function_at(object, symbol, name, version) : NULL;
    if (found != NULL || (chain & 1)) return found;
  }
}

/* DT_HASH: its second word is the number of symbols. */
static void *find_by_table(const struct elf_object *object, const char *name, const char *version) {
  for (uint32_t symbol = 1; symbol < object->sysv_hash[1]; symbol++) {
    void *found = function_at(object, symbol, name, version);
    if (found != NULL) return found;
  }
  return NULL;
}

void *elf_function(const struct elf_object *object, const char *name, const char *version) {
  if (object->gnu_hash != NULL) return find_by_gnu_hash(object, name, version);
  return object->sysv_hash == NULL ? NULL : find_by_table(object, name, version);
}

bool elf_is_in_data(const struct elf_object *object, uintptr_t address) {
  for (size_t i = 0; i < object->header_count; i++) {
    const Elf64_Phdr *header = &object->headers[i];
    const uintptr_t start = object->base + header->p_vaddr;
    if (header->p_type == PT_LOAD && (header->p_flags & PF_W) && address >= start &&
        address < start + header->p_memsz)
      return true;
  }
  return false;
}

#endif
