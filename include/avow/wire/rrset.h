/*
 * rrset.h - RRsets in wire form.
 *
 * The RDATA of an RRset is a run of {16-bit length, octets}, uncompressed, in canonical order
 * (RFC 4034 section 6.3) and without duplicates. The store, the rooms' letters and the answer all
 * use this one form. Names inside RDATA keep the case they were given in; order and equality
 * are those of the canonical form.
 *
 * Floor: wire. Pure but for struct rdata_set, which owns memory.
 */
#ifndef AVOW_WIRE_RRSET_H
#define AVOW_WIRE_RRSET_H

#include "avow/base/buffer.h"
#include "avow/base/result.h"
#include "avow/wire/name.h"

/* A run of RDATA that somebody else owns. */
struct rdata_run {
    const uint8_t *octets;
    uint32_t length; /* of all, the length fields included */
    uint16_t count;  /* records */
};

/* An RRset by reference; owner and octets belong to somebody else and outlive it. */
struct rrset {
    const struct name *owner;
    uint16_t type;
    uint16_t class_;
    uint32_t ttl;
    struct rdata_run rdata;
};

/* Walk: `for (struct reader r = rdata_run_reader(run); rdata_next(&r, &rdata); )` */
static inline struct reader rdata_run_reader(const struct rdata_run *run)
{
    return reader_over(run->octets, run->length);
}

/* The next RDATA as a reader over just its octets; false at the end or when the run is malformed.
 */
static inline bool rdata_next(struct reader *run, struct reader *rdata)
{
    if (reader_left(run) == 0)
        return false;
    uint16_t length = reader_u16(run);
    const uint8_t *octets = reader_take(run, length);
    if (!octets)
        return false;
    *rdata = reader_over(octets, length);
    return true;
}

/* Whether the run holds exactly `count` records and nothing else. */
bool rdata_run_valid(const struct rdata_run *run);

/*
 * Insert one RDATA (`length` octets, checked, uncompressed) of `type` at its place in a run that is
 * being built in `run`, raising `*count`. A duplicate is left out: `*added` tells.
 * RESULT_SYSTEM without memory; RESULT_FULL beyond 65535 records.
 */
MUST_CHECK enum result rdata_run_insert(struct buffer *run, uint16_t *count, uint16_t type,
                                        const uint8_t *rdata, size_t length, bool *added);

/* Remove an equal RDATA; `*removed` tells whether there was one. */
void rdata_run_remove(struct buffer *run, uint16_t *count, uint16_t type, const uint8_t *rdata,
                      size_t length, bool *removed);

/* Whether both runs hold the same records (canonical form). */
bool rdata_run_equal(uint16_t type, const struct rdata_run *a, const struct rdata_run *b);

#endif
