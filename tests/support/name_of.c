/* name_of.c - names as a test writes them. */
#include "name_of.h"

#include <check.h>

struct name name_of(const char *text)
{
    struct name name;

    ck_assert_msg(name_from_string(text, &name) == RESULT_OK, "no name: %s", text);
    return name;
}
