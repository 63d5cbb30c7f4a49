/*
 * scalar.h - values as people write them. Pure. Private to config.
 *
 * Each function returns whether the text is such a value, and writes it only then.
 */
#ifndef CONFIG_SCALAR_H
#define CONFIG_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "avow/base/buffer.h"
#include "avow/config/config.h"

/* Decimal digits. */
bool scalar_count(const char *text, uint64_t *value);

/* on, off, yes, no, true, false; in any letter case. */
bool scalar_switch(const char *text, bool *value);

/*
 * Seconds: plain; or numbers with w, d, h, m, s, each once and in this order (1h30m); or ISO 8601
 * (P90D, PT1H30M, P1DT12H) with W, D, H, M, S. Months and years are refused: they vary.
 */
bool scalar_duration(const char *text, uint64_t *seconds);

/* Octets: plain, or a number with K, M, G or T (powers of 1024), which B or iB may follow. */
bool scalar_size(const char *text, uint64_t *octets);

/* Hexadecimal digits for exactly so many octets. */
bool scalar_hex(const char *text, uint8_t *octets, size_t size);

/* `192.0.2.1@53`, `::1@5300`; with another port when it is left out. */
bool scalar_address(const char *text, uint16_t otherwise, struct config_address *address);

bool scalar_same_address(const struct config_address *a, const struct config_address *b);
bool scalar_same_prefix(const struct config_prefix *a, const struct config_prefix *b);

/* What may be wrong with a prefix. */
enum scalar_prefix { SCALAR_PREFIX_GOOD, SCALAR_PREFIX_BAD, SCALAR_PREFIX_LONG_BITS };

/* `192.0.2.0/24`, `2001:db8::/32`, or an address alone. LONG_BITS: bits behind the prefix are set;
 * the prefix is written without them. */
enum scalar_prefix scalar_prefix(const char *text, struct config_prefix *prefix);

/* A prefix as text; returns `text`. */
char *scalar_prefix_to_text(const struct config_prefix *prefix, char text[CONFIG_ADDRESS_TEXT]);

/* How many letters must change to make one word of the other; counts up to `limit` + 1. */
unsigned scalar_distance(const char *a, const char *b, unsigned limit);

#endif
