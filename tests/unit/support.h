/* support.h - what every unit test needs. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

/* A heap copy of exactly this size: the sanitizer then sees one octet read too many. */
uint8_t *exact_copy(const void *octets, size_t size);

/* Run a suite (and free it): 0 when every test passed. */
int run_suite(Suite *suite);

/* An absolute path of a new, empty folder below $TMPDIR or /tmp; remove it with folder_remove. */
char *folder_make(void);
void folder_remove(char *folder);

#endif
