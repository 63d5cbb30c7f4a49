/* asked.c - signatures that queries asked for and that the signer has not been given yet. */
#include "asked.h"

void asked_open(struct asked *asked)
{
    *asked = (struct asked){.counts = {0}};
    for (unsigned class = 0; class < ASKED_CLASSES; class ++)
        TAILQ_INIT(&asked->turns[class]);
}

/* Of all classes together, when one more comes: the more important always find a place. */
static const uint32_t most[ASKED_CLASSES] = {[ASKED_APEX] = ASKED_MOST,
                                             [ASKED_PROVEN] = ASKED_MOST / 4 * 3,
                                             [ASKED_UNPROVEN] = ASKED_MOST / 2};

bool asked_admits(const struct asked *asked, const struct asked_lanes *lanes,
                  enum asked_class class, uint32_t within)
{
    uint32_t others = asked->busy[class] + (lanes->lanes[class].count == 0), before = 0;

    if (asked_count(asked) >= most[class])
        return false;
    if (class == ASKED_APEX)
        return true;
    for (unsigned first = 0; first < class; first++)
        before += asked->counts[first];
    if (lanes->lanes[class].count == 0)
        return before == 0 || before < within;
    return before < within && lanes->lanes[class].count < (within - before) / others;
}

/* ---- lanes ------------------------------------------------------------------------------------*/

void asked_put(struct asked *asked, struct asked_lanes *lanes, struct job *job,
               enum asked_class class)
{
    struct asked_lane *lane = &lanes->lanes[class];

    job->lane = lane;
    job->class = class;
    job->before = lane->last;
    job->behind = NULL;
    *(lane->last ? &lane->last->behind : &lane->first) = job;
    lane->last = job;
    asked->counts[class]++;
    if (lane->count++ > 0)
        return;
    TAILQ_INSERT_TAIL(&asked->turns[class], lane, turn);
    asked->busy[class]++;
}

struct job *asked_first(const struct asked *asked)
{
    for (unsigned class = 0; class < ASKED_CLASSES; class ++) {
        const struct asked_lane *lane = TAILQ_FIRST(&asked->turns[class]);
        if (lane)
            return lane->first;
    }
    return NULL;
}

void asked_remove(struct asked *asked, struct job *job)
{
    struct asked_lane *lane = job->lane;

    if (!lane)
        return;
    bool first = !job->before;
    *(job->before ? &job->before->behind : &lane->first) = job->behind;
    *(job->behind ? &job->behind->before : &lane->last) = job->before;
    job->lane = NULL;
    asked->counts[job->class]--;
    lane->count--;
    if (lane->count && !first)
        return;
    TAILQ_REMOVE(&asked->turns[job->class], lane, turn);
    if (lane->count)
        TAILQ_INSERT_TAIL(&asked->turns[job->class], lane, turn);
    else
        asked->busy[job->class]--;
}

void asked_raise(struct asked *asked, struct asked_lanes *lanes, struct job *job,
                 enum asked_class class)
{
    if (!job->lane || job->class <= class)
        return;
    asked_remove(asked, job);
    asked_put(asked, lanes, job, class);
}
