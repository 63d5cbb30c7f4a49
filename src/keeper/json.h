/*
 * json.h - JSON written into a buffer, for avowctl.
 *
 * Members are written in the order of the calls; commas and quoting are seen to. A NULL name is for
 * elements of an array.
 */
#ifndef KEEPER_JSON_H
#define KEEPER_JSON_H

#include <stdbool.h>

#include "avow/base/buffer.h"
#include "avow/wire/name.h"

struct json {
    struct buffer text;
    bool first; /* nothing written yet inside the innermost bracket */
};

void json_open(struct json *json, const char *name, char bracket);      /* '{' or '[' */
void json_close(struct json *json, char bracket);                       /* '}' or ']' */
void json_text(struct json *json, const char *name, const char *value); /* NULL: null */
void json_number(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_dns_name(struct json *json, const char *name, const struct name *value);

/* Seconds since 1970 as `2026-11-22T05:00:00Z`; 0 as null. */
void json_time(struct json *json, const char *name, uint64_t seconds);

#endif
