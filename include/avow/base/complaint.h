/*
 * complaint.h - telling a person what is wrong with what they wrote, and where.
 *
 * Every error at once: a parser hands each complaint to the sink and goes on until it can no
 * longer make sense of the input. Floor: base.
 */
#ifndef AVOW_BASE_COMPLAINT_H
#define AVOW_BASE_COMPLAINT_H

#include <stddef.h>
#include <stdint.h>

#include "avow/base/result.h"

enum complaint_weight { COMPLAINT_ERROR, COMPLAINT_WARNING, COMPLAINT_NOTE };

struct complaint {
    enum complaint_weight weight;
    const char *file;    /* as the person named it; NULL when there is none */
    uint32_t line;       /* from 1; 0 when the whole file is meant */
    uint32_t column;     /* from 1; 0 when the whole line is meant */
    uint32_t width;      /* octets to underline; 0 for one */
    const char *excerpt; /* the line, without its end; NULL when it is not at hand */
    const char *what;    /* one sentence: what is wrong, what is allowed */
};

/* Where complaints go. Everything in a complaint lives only during the call. */
struct complaints {
    void (*take)(void *context, const struct complaint *complaint);
    void *context;
    uint32_t errors;   /* counted by complain */
    uint32_t warnings; /* likewise */
    uint32_t limit;    /* errors after which the parser gives up; 0 = 100 */
};

/* Count a complaint and pass it on. */
void complain(struct complaints *complaints, const struct complaint *complaint);

/* Whether so many errors came that going on helps nobody. */
int complaints_exhausted(const struct complaints *complaints);

/*
 * A complaint as text: `FILE:LINE:COLUMN: error: what`, then the excerpt and a caret when there is
 * one. Returns the length that was needed, as snprintf does.
 */
size_t complaint_text(const struct complaint *complaint, char *text, size_t size);

#endif
