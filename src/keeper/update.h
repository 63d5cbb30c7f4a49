/*
 * update.h - a dynamic update over a stage: prerequisites, then changes (RFC 2136 sections 3.2 and
 * 3.4.2). Its form and the key's grants were checked by the desk.
 */
#ifndef KEEPER_UPDATE_H
#define KEEPER_UPDATE_H

#include "avow/wire/message.h"
#include "stage.h"

/* Who asks, and what. Records have the form of update_record_write (ipc/message.h). */
struct update_request {
    struct span prerequisites, changes;
    uint16_t prerequisite_count, change_count;
    uint16_t refusal; /* RCODE that is due once the prerequisites hold; NOERROR: go on */
};

struct update_outcome {
    uint16_t rcode;
    bool changed;     /* something of the stage is another now */
    const char *text; /* why not; static, for the log; NULL */
};

/*
 * Carry an update out on the stage, whole or not at all. Unless the stage has failed the outcome is
 * the answer, once what is staged has been written.
 */
struct update_outcome update_apply(struct stage *stage, const struct update_request *request);

#endif
