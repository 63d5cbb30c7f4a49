/*
 * record_words.h - a record, or what is said of one, as words of a command line.
 */
#ifndef KEEPER_RECORD_WORDS_H
#define KEEPER_RECORD_WORDS_H

#include "avow/ipc/message.h"

struct record_words {
    struct name owner;
    uint16_t type;
    uint32_t ttl;
    bool has_type, has_ttl, has_rdata;
    struct buffer rdata; /* uncompressed; free with record_words_free */
    char why[512];       /* what is wrong, a sentence */
};

/*
 * Read OWNER [TTL] [TYPE [RDATA...]].
 *
 * zone    Origin of relative names; "@" is the zone itself. An owner outside it is refused.
 * words   RDATA is a master file's, a field to a word: a word without quotes is one field, whatever
 *         blanks or semicolons it holds, for the shell took its quotes away; a word that has quotes
 *         is taken as it is, and may be several fields.
 *
 * Returns RESULT_FORMAT with `why`. Whatever is returned, record_words_free is due.
 */
MUST_CHECK enum result record_words_read(struct record_words *record, const struct name *zone,
                                         const char *const *words, unsigned count);

void record_words_free(struct record_words *record);

#endif
