/* name_of.h - names as a test writes them. */
#ifndef TESTS_SUPPORT_NAME_OF_H
#define TESTS_SUPPORT_NAME_OF_H

#include "avow/wire/name.h"

/* The absolute name that `text` is; ends the test when it is none. */
struct name name_of(const char *text);

#endif
