/*
 * urgency.h - a worker that has little to do goes before all others.
 *
 * Somebody waits for each of its short turns, and whoever signs, stores or reads a zone file keeps
 * a processor for milliseconds. So a worker is real-time (SCHED_RR, the lowest priority) where
 * RLIMIT_RTPRIO allows it, but only while it uses less than half of a processor: under a flood it
 * is as all others, so that zones are still signed and people can still log in. Where it is not
 * allowed it asks for short slices of time, which a kernel may heed (sched(7)).
 */
#ifndef AVOW_SRC_FRONT_URGENCY_H
#define AVOW_SRC_FRONT_URGENCY_H

#include <stdbool.h>
#include <stdint.h>

struct urgency {
    bool allowed; /* to be real-time */
    bool urgent;  /* it is */
    double looked;
    uint64_t used_ns; /* processor time when it was looked at */
};

/* Once, before the room is confined: whoever is real-time and never waits is to be killed. */
void urgency_limit(void);

/* Both in the worker's own thread; `now` in seconds, as the loop has it. */
void urgency_begin(struct urgency *urgency, double now);

/* In each turn of the loop. */
void urgency_look(struct urgency *urgency, double now);

#endif
