/*
 * Reads the tables of a loaded ELF object: its imports, their versions, and the functions it defines.
 *
 * Only reads memory: no malloc and no function of the dynamic loader, so it may run inside
 * dl_iterate_phdr(). 64-bit Linux on x86-64 and ARM only; see DEEP_GUARD_SUPPORTED.
 */
#ifndef CLOSEFDS_ELF_OBJECT_H
#define CLOSEFDS_ELF_OBJECT_H

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__)) && defined(__LP64__)
#define DEEP_GUARD_SUPPORTED 1

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_object {
  const char *path; /* as the loader names it; "" for the program */
  const char *soname; /* NULL if the object has none */
  uintptr_t base;
  uintptr_t start, end;             /* all segments */
  uintptr_t relro_start, relro_end; /* whole pages; equal if there is no RELRO */
  const Elf64_Phdr *headers;
  size_t header_count;
  const Elf64_Sym *symbols;
  const char *names;
  const Elf64_Half *versions;
  const Elf64_Verneed *needed;
  const Elf64_Verdef *defined;
  const uint32_t *gnu_hash;
  const uint32_t *sysv_hash;
  const Elf64_Rela *plt;
  size_t plt_count;
  const Elf64_Rela *rela;
  size_t rela_count;
};

/* One import of an object. */
struct elf_import {
  uintptr_t slot; /* the address of the pointer */
  uint32_t symbol;
  bool is_jump_slot; /* the slot may hold a stub that resolves the symbol at the first call */
};

/* Called for each import of a function that may be a slot. */
typedef void elf_import_visitor(const struct elf_object *object, const struct elf_import *import, void *data);

/* Returns false for an object without dynamic tables, and for the kernel's vDSO. */
bool elf_read(const struct dl_phdr_info *info, struct elf_object *object);

/* Whether the object is the C library, by its name. */
bool elf_is_libc(const struct elf_object *object);

/* Visits the relocations that put the address of an undefined symbol into a slot. */
void elf_visit_imports(const struct elf_object *object, elf_import_visitor *visit, void *data);

/* The name of a symbol. */
const char *elf_name(const struct elf_object *object, uint32_t symbol);

/* The symbol version that an import asks for, for example "GLIBC_2.2.5". NULL if it asks for none. */
const char *elf_import_version(const struct elf_object *object, uint32_t symbol);

/*
 * The address of a function that the object defines: of this version, or the default one if `version` is
 * NULL. Returns NULL without one. Never returns the stub of another object, as dlsym() may.
 */
void *elf_function(const struct elf_object *object, const char *name, const char *version);

/* Whether the loader gave this address a segment that can be written, RELRO aside. */
bool elf_is_in_data(const struct elf_object *object, uintptr_t address);

#endif
#endif
