/*
 * patience.h - for how long a client is waited for.
 *
 * Until half of the places are taken, for as long as the configuration says; then for less with
 * each one that is taken, down to a second when there are no more (RFC 7766 section 6.2.3, RFC 9210
 * section 4.3).
 *
 * Floor: base. Pure.
 */
#ifndef AVOW_BASE_PATIENCE_H
#define AVOW_BASE_PATIENCE_H

#include <stdint.h>

/* In milliseconds. `full_ms`: of the configuration; `open` of `places` are taken. */
uint64_t patience_ms(uint64_t full_ms, uint32_t open, uint32_t places);

#endif
