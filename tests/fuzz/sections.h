/*
 * sections.h - an input of a fuzz target that stands for several files.
 *
 * The first part has no name; each other one follows a line "%% NAME", the end of line before it
 * included. Parts become files of a folder that is there as long as the process.
 */
#ifndef FUZZ_SECTIONS_H
#define FUZZ_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECTION_PATH = 64 };

struct section {
    const uint8_t *octets;
    size_t length;
};

struct section section_first(struct section input);

/* False, and empty, when there is none of that name. */
bool section_named(struct section input, const char *name, struct section *section);

/* Where a file of the folder is. Returns `path`, of SECTION_PATH octets. */
const char *section_path(const char *name, char *path);

/* Write a file of that folder, for its owner alone; an empty part removes it. */
void section_write(struct section section, const char *name);

#endif
