/* secondaries.c - what is known of a zone's secondaries. */
#include "secondaries.h"

#include <stdlib.h>
#include <string.h>

enum { SECONDARIES_LIMIT = 16, ADDRESS_OCTETS = 64, PROBLEM_OCTETS = 128 };

struct event {
    uint64_t time; /* 0: never */
    uint32_t serial;
};

struct secondary {
    char address[ADDRESS_OCTETS];
    struct event events[SECONDARY_EVENTS];
    uint64_t order; /* of the last fact, among all: the clock may be set */
    char problem[PROBLEM_OCTETS];
};

struct secondaries {
    struct secondary list[SECONDARIES_LIMIT]; /* by address */
    unsigned count;
    uint64_t facts;
};

/* ---- noting -----------------------------------------------------------------------------------
 */

static void copy_text(char *to, size_t size, const char *from)
{
    strncpy(to, from, size - 1);
    to[size - 1] = '\0';
}

static void forget_oldest(struct secondaries *all)
{
    unsigned oldest = 0;

    for (unsigned i = 1; i < all->count; i++) {
        if (all->list[i].order < all->list[oldest].order)
            oldest = i;
    }
    memmove(&all->list[oldest], &all->list[oldest + 1],
            (--all->count - oldest) * sizeof all->list[0]);
}

static struct secondary *find(struct secondaries *all, const char *word)
{
    char address[ADDRESS_OCTETS];
    unsigned at = 0;

    copy_text(address, sizeof address, word);
    for (unsigned i = 0; i < all->count; i++) {
        if (strcmp(all->list[i].address, address) == 0)
            return &all->list[i];
    }
    if (all->count == SECONDARIES_LIMIT)
        forget_oldest(all);
    while (at < all->count && strcmp(all->list[at].address, address) < 0)
        at++;
    memmove(&all->list[at + 1], &all->list[at], (all->count++ - at) * sizeof all->list[0]);
    all->list[at] = (struct secondary){.order = 0};
    memcpy(all->list[at].address, address, sizeof address);
    return &all->list[at];
}

void secondaries_note(struct keeper_zone *zone, const struct message_secondary *fact)
{
    if (fact->event >= SECONDARY_EVENTS || !*fact->address)
        return;
    if (!zone->secondaries)
        zone->secondaries = calloc(1, sizeof *zone->secondaries);
    if (!zone->secondaries)
        return; /* the next fact tries again */
    struct secondary *secondary = find(zone->secondaries, fact->address);
    secondary->events[fact->event] = (struct event){.time = fact->time, .serial = fact->serial};
    secondary->order = ++zone->secondaries->facts;
    if (fact->event == SECONDARY_SILENT)
        copy_text(secondary->problem, sizeof secondary->problem, fact->text);
    else
        secondary->problem[0] = '\0'; /* it lives */
}

void secondaries_free(struct keeper_zone *zone)
{
    free(zone->secondaries);
    zone->secondaries = NULL;
}

/* ---- telling ----------------------------------------------------------------------------------
 */

/* Both names stand in the row, so that the answer's form can be seen here. */
static const struct {
    const char *serial, *at;
} names[SECONDARY_EVENTS] = {
    [SECONDARY_NOTIFIED] = {"notified_serial", "notified_at"},
    [SECONDARY_SILENT] = {"silent_serial", "silent_at"},
    [SECONDARY_ASKED] = {"asked_serial", "asked_at"},
    [SECONDARY_TRANSFERRED] = {"transferred_serial", "transferred_at"},
    [SECONDARY_FOLLOWED] = {"followed_serial", "followed_at"},
};

static void put_secondary(struct json *json, const struct secondary *secondary)
{
    json_open(json, NULL, '{');
    json_text(json, "address", secondary->address);
    for (unsigned i = 0; i < SECONDARY_EVENTS; i++) {
        const struct event *event = &secondary->events[i];
        if (event->time)
            json_number(json, names[i].serial, event->serial);
        else
            json_text(json, names[i].serial, NULL);
        json_time(json, names[i].at, event->time);
    }
    json_text(json, "problem", *secondary->problem ? secondary->problem : NULL);
    json_close(json, '}');
}

void secondaries_put(struct json *json, const struct keeper_zone *zone)
{
    const struct secondaries *all = zone->secondaries;

    json_open(json, "secondaries", '[');
    for (unsigned i = 0; all && i < all->count; i++)
        put_secondary(json, &all->list[i]);
    json_close(json, ']');
}
