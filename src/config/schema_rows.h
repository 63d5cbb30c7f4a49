/* schema_rows.h - how a row of the table names its place. Private to config: schema.c,
 * schema_cookies.c, schema_keystore.c, schema_loading.c, schema_tls.c, schema_zone.c.
 */
#ifndef CONFIG_SCHEMA_ROWS_H
#define CONFIG_SCHEMA_ROWS_H

#include "avow/base/result.h"
#include "schema.h"

#define INTO(type, member)                                                                         \
    .offset = offsetof(struct type, member), .width = sizeof(((struct type *)0)->member)
#define LIST_INTO(type, member, counter)                                                           \
    .list = true, .offset = offsetof(struct type, member),                                         \
    .width = sizeof(*((struct type *)0)->member), .count_offset = offsetof(struct type, counter)
#define COUNTED_INTO(type, member, counter)                                                        \
    .offset = offsetof(struct type, member), .width = sizeof(*((struct type *)0)->member),         \
    .count_offset = offsetof(struct type, counter)
#define WORDS(array) .words = (array), .word_count = COUNT(array)
#define INHERITED    .inherits = true, .otherwise = "as in zone-defaults"
#define TABLE(array) .keys = (array), .count = COUNT(array)

/* In schema_zone.c. */
extern const struct schema_table schema_zone, schema_zone_defaults;

/* In schema_loading.c: of a zone, and of zone-defaults. */
extern const struct schema_table schema_check, schema_default_check, schema_hook,
    schema_default_hook;

/* In schema_tls.c. */
extern const struct schema_table schema_tls;

/* In schema_keystore.c. */
extern const struct schema_table schema_keystore;

/* In schema_cookies.c. */
extern const struct schema_table schema_cookies;

#endif
