/*
 * soa.h - the numbers of a SOA record, and serial arithmetic (RFC 1035 section 3.3.13, RFC 1982).
 */
#ifndef KEEPER_SOA_H
#define KEEPER_SOA_H

#include <stdint.h>

#include "avow/base/result.h"
#include "avow/wire/rrset.h"

struct soa {
    uint32_t serial, refresh, retry, expire, minimum;
};

/* Read the numbers of SOA RDATA. RESULT_FORMAT when it is too short to be one. */
MUST_CHECK enum result soa_read(const uint8_t *rdata, size_t length, struct soa *soa);

/* Write another serial into SOA RDATA, which soa_read has accepted. */
void soa_set_serial(uint8_t *rdata, size_t length, uint32_t serial);

/* Whether `a` is after `b` in serial number arithmetic. */
int serial_is_after(uint32_t a, uint32_t b);

/*
 * The serial of the next version: what the file or the change says when that is after the one that
 * is served, otherwise the served one plus one. 0 is passed over: many tools take it for "none".
 */
uint32_t serial_next(uint32_t served, uint32_t wanted);

/* The number that a day has as the start of a serial, YYYYMMDD00. `now`: seconds since 1970. */
uint32_t serial_of_day(uint64_t now);

#endif
