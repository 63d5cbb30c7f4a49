/*
 * schema.h - what a configuration may hold, told to programs and to people.
 *
 * Both texts are made from the table that the parser itself uses. Floor: config.
 */
#ifndef AVOW_CONFIG_SCHEMA_H
#define AVOW_CONFIG_SCHEMA_H

#include "avow/base/buffer.h"

/* Append the JSON Schema (draft 2020-12) of the configuration, ended by a newline. */
void config_schema_json(struct buffer *text);

/* Append the manual page avow.yaml(5), in mdoc. */
void config_schema_man(struct buffer *text);

#endif
