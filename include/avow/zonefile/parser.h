/*
 * parser.h - master files to records, one callback per record.
 *
 * Reads RFC 1035 section 5 master files with $ORIGIN, $TTL (RFC 2308 section 4), $INCLUDE and
 * $GENERATE, and RFC 3597 for unknown types and classes. The memory in use depends on the depth of
 * $INCLUDE, never on the size of a file: text is read through a fixed window. Every error is told,
 * as `file:line:column: what`, until the complaints' limit; after an error the parser goes on with
 * the next record.
 *
 * Floor: zonefile.
 */
#ifndef AVOW_ZONEFILE_PARSER_H
#define AVOW_ZONEFILE_PARSER_H

#include "avow/base/complaint.h"
#include "avow/base/result.h"
#include "avow/wire/name.h"

/*
 * The names of the files that were read, so that a record needs only a number to say where it came
 * from, also long after the parser is gone. A zeroed struct is an empty one.
 */
struct zonefile_files {
    char **names; /* owned; [0] is the zone file, the others are as $INCLUDE spelled them */
    uint16_t count;
};

/* The name of file `number`, or "-" when there is no such file. */
const char *zonefile_file_name(const struct zonefile_files *files, uint16_t number);

/* Give the memory back; what is left is a zeroed struct. */
void zonefile_files_free(struct zonefile_files *files);

/* One record. Everything in it lives only during the callback. */
struct zonefile_record {
    const struct name *owner; /* letter case as written */
    bool same_owner;          /* the very owner of the record before: no need to look again */
    uint16_t type;            /* never a meta type */
    uint16_t class_;          /* always the class asked for */
    uint32_t ttl;             /* 0 to 2^31 - 1 */
    const uint8_t *rdata;     /* checked and uncompressed; names in it keep their letter case */
    uint16_t length;          /* octets of rdata */
    uint16_t file;            /* number in struct zonefile_files */
    uint32_t line;            /* where the record begins, from 1 */
    struct zonefile_parser *parser; /* for zonefile_complain */
};

/* What is too much. Zero means the default, which is named. */
struct zonefile_limits {
    uint32_t include_depth; /* 8 files within each other */
    uint32_t includes;      /* 1000 files in all; never more than 65534 */
    uint64_t generated;     /* 1048576 records made by $GENERATE in all */
};

struct zonefile_options {
    const char *path;        /* the zone file; NULL: `octets` instead */
    const void *octets;      /* text in memory; $INCLUDE is then an error */
    size_t length;           /* octets of it */
    const struct name *zone; /* origin at the start; an owner outside it is an error. NULL: there
                              * is no origin until $ORIGIN, and no owner is outside */
    bool any_owner;          /* accept owners outside `zone` all the same */
    uint16_t class_;         /* 0: CLASS_IN; a record of another class is an error */
    struct zonefile_limits limits;
    struct complaints *complaints; /* where errors and warnings go; not NULL */
    struct zonefile_files *files;  /* filled when not NULL; the caller's to free */

    /* Called for each good record. Another result than RESULT_OK stops the parser, which returns
     * it; to refuse one record and go on, call zonefile_complain and return RESULT_OK. */
    enum result (*record)(void *context, const struct zonefile_record *record);
    void *context;
};

/* What was read. */
struct zonefile_totals {
    uint64_t records; /* handed to the callback */
    uint64_t octets;  /* of text, all files together */
    uint32_t files;
    struct name apex; /* owner of the first SOA; length 0 when there was none */
};

/*
 * Read a zone file.
 *
 * totals   Written when not NULL, also after a failure.
 *
 * An owner or a name in RDATA is relative to $ORIGIN, at first to `zone`. A record without TTL gets
 * that of $TTL, else that of the record before, else the SOA's minimum (with a warning). A TTL with
 * the top bit set becomes 0 (RFC 2181 section 8), with a warning. A file named by $INCLUDE is
 * looked for from the folder of the zone file and must lie below it: absolute paths, `..` above it
 * and symbolic links that lead out of it are errors.
 *
 * Returns  RESULT_OK when there was no error (warnings allowed); RESULT_FORMAT after errors, all of
 *          which were handed to `complaints`; RESULT_SYSTEM when a file could not be read or memory
 *          is short, also complained of; or what the callback returned.
 * Source   RFC 1035 section 5; RFC 2308 section 4; RFC 3597 section 5; RFC 2181 section 8.
 */
MUST_CHECK enum result zonefile_parse(const struct zonefile_options *options,
                                      struct zonefile_totals *totals);

/* From the callback: complain of the record at hand, with its file, line and text. */
void zonefile_complain(const struct zonefile_record *record, enum complaint_weight weight,
                       const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * A TTL or another span as people write it: digits, or numbers with the units s, m, h, d, w in
 * either case (1h30m). RESULT_FORMAT when it is not one; RESULT_FULL beyond 2^32 - 1.
 */
MUST_CHECK enum result ttl_from_text(const char *text, size_t length, uint32_t *ttl);

#endif
