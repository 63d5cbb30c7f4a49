/*
 * asked.h - signatures that queries asked for and that the signer has not been given yet.
 *
 * The more important ones go first; of equal ones, zones take turns, one signature each, so that a
 * flood of questions for one zone holds no other zone up. A zone gets no longer a line than can be
 * worked off while those who wait are patient. Nothing is allocated: lines are threaded through the
 * jobs, and the lanes are the zones' own.
 */
#ifndef KEEPER_ASKED_H
#define KEEPER_ASKED_H

#include "jobs.h"

enum { ASKED_MOST = 4096 };

/* Of one zone, of one class. A zeroed lane is an empty one. */
struct asked_lane {
    struct job *first, *last;
    uint32_t count;
    TAILQ_ENTRY(asked_lane) turn; /* while it is not empty */
};

/* All classes of one zone. */
struct asked_lanes {
    struct asked_lane lanes[ASKED_CLASSES];
};

TAILQ_HEAD(asked_turns, asked_lane);

struct asked {
    struct asked_turns turns[ASKED_CLASSES];
    uint32_t counts[ASKED_CLASSES]; /* jobs */
    uint32_t busy[ASKED_CLASSES];   /* lanes with jobs */
};

void asked_open(struct asked *asked);

static inline uint32_t asked_count(const struct asked *asked)
{
    return asked->counts[ASKED_APEX] + asked->counts[ASKED_PROVEN] + asked->counts[ASKED_UNPROVEN];
}

/*
 * Whether one more of the class has a chance in a zone's lane.
 *
 * within  Signatures that can be made while those who wait are patient.
 *
 * The apex always has one: no stranger can ask for more of it than there is.
 */
bool asked_admits(const struct asked *asked, const struct asked_lanes *lanes,
                  enum asked_class class, uint32_t within);

/* The job goes to the end of its zone's lane; it is in none. */
void asked_put(struct asked *asked, struct asked_lanes *lanes, struct job *job,
               enum asked_class class);

/* Somebody more important waits for the same: to the end of that lane. */
void asked_raise(struct asked *asked, struct asked_lanes *lanes, struct job *job,
                 enum asked_class class);

/* Whose turn it is; NULL: nobody waits. It stays where it is. */
struct job *asked_first(const struct asked *asked);

/* Take a job out; nothing when it is in no lane. The next turn of its class is another zone's when
 * it was the first. */
void asked_remove(struct asked *asked, struct job *job);

#endif
