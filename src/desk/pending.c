/* pending.c - updates on their way to the keeper and back. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "update.h"

enum {
    /* Beyond the keeper's deadline, within which an update begins: to be signed and stored. Who is
     * told SERVFAIL is to be told the truth. */
    GRACE_MS = UPDATE_SIGNED_MS + 2000,
    TICKETS = 8 /* who may wait for one update: who sent its message again */
};

struct pending_ticket {
    struct pending_ticket *next;
    struct ticket ticket;
};

struct pending {
    TAILQ_ENTRY(pending) age;
    struct pending *next; /* in its bucket */
    uint64_t id;
    uint64_t deadline_ms;
    uint64_t octets;
    bool is_marked;
    struct replay_mark mark;
    struct pending_ticket *tickets;
    unsigned ticket_count;
};

/* ---- the table -------------------------------------------------------------------------------*/

static struct pending **bucket_of(struct pending_updates *updates, uint64_t id)
{
    return &updates->buckets[id % UPDATES_BUCKETS];
}

static struct pending *find(struct pending_updates *updates, uint64_t id)
{
    struct pending *pending = *bucket_of(updates, id);

    while (pending && pending->id != id)
        pending = pending->next;
    return pending;
}

/* False without memory. */
static bool add_ticket(struct pending *pending, const struct ticket *ticket)
{
    struct pending_ticket *added = calloc(1, sizeof *added);

    if (!added)
        return false;
    ticket_keep(&added->ticket, ticket);
    added->next = pending->tickets;
    pending->tickets = added;
    pending->ticket_count++;
    return true;
}

static void link_in(struct pending_updates *updates, struct pending *pending)
{
    struct pending **bucket = bucket_of(updates, pending->id);

    pending->next = *bucket;
    *bucket = pending;
    TAILQ_INSERT_TAIL(&updates->by_age, pending, age);
    updates->count++;
    updates->octets += pending->octets;
}

static void link_out(struct pending_updates *updates, struct pending *pending)
{
    struct pending **link = bucket_of(updates, pending->id);

    while (*link != pending)
        link = &(*link)->next;
    *link = pending->next;
    TAILQ_REMOVE(&updates->by_age, pending, age);
    updates->count--;
    updates->octets -= pending->octets;
}

static void free_pending(struct pending *pending)
{
    struct pending_ticket *ticket;

    while ((ticket = pending->tickets)) {
        pending->tickets = ticket->next;
        ticket_drop(&ticket->ticket);
        free(ticket);
    }
    free(pending);
}

/* ---- answers ---------------------------------------------------------------------------------*/

/* Whoever sends the same message again gets the same answer, also when nobody knows what became of
 * it: it is not done a second time. */
static void answer(struct desk *desk, struct pending *pending, uint16_t rcode)
{
    link_out(&desk->updates, pending);
    if (pending->is_marked)
        replay_finish(&desk->replay, &pending->mark, rcode);
    for (struct pending_ticket *each = pending->tickets; each; each = each->next)
        (void)reply_code(desk, &each->ticket, rcode, EDE_NONE);
    free_pending(pending);
}

/* What the keeper may answer (RFC 2136 section 2.2). */
static uint16_t rcode_of(const struct message_updated *updated)
{
    return updated->rcode <= RCODE_NOTZONE ? updated->rcode : RCODE_SERVFAIL;
}

void pending_answered(struct desk *desk, const struct message_updated *updated)
{
    struct pending *pending = find(&desk->updates, updated->id);

    if (!pending) /* its deadline has passed */
        return;
    if (updated->text[0])
        log_debug("update %llu: %s", (unsigned long long)updated->id, updated->text);
    answer(desk, pending, rcode_of(updated));
}

void pending_lost(struct desk *desk)
{
    struct pending *pending;

    while ((pending = TAILQ_FIRST(&desk->updates.by_age)))
        answer(desk, pending, RCODE_SERVFAIL);
}

void pending_tick(struct desk *desk)
{
    struct pending *pending;

    while ((pending = TAILQ_FIRST(&desk->updates.by_age)) && pending->deadline_ms <= desk->now_ms)
        answer(desk, pending, RCODE_SERVFAIL);
}

void pending_close(struct desk *desk)
{
    struct pending *pending = TAILQ_FIRST(&desk->updates.by_age), *next;

    for (; pending; pending = next) {
        next = TAILQ_NEXT(pending, age);
        link_out(&desk->updates, pending);
        free_pending(pending);
    }
}

/* ---- a new one -------------------------------------------------------------------------------*/

/* Overload is said at once, so that nobody waits for nothing. */
static enum taken no_room(struct desk *desk, struct ticket *ticket)
{
    metric_add(desk->metrics, METRIC_DESK_UNHEARD, 1);
    return reply_code(desk, ticket, RCODE_SERVFAIL, EDE_NOT_READY);
}

static struct pending *make(struct desk *desk, const struct ticket *ticket, uint64_t octets)
{
    const struct config_updates *bounds = &desk->config->updates;

    if (desk->updates.count >= bounds->queue || desk->updates.octets + octets > bounds->queue_size)
        return NULL;
    struct pending *pending = calloc(1, sizeof *pending);
    if (!pending)
        return NULL;
    pending->id = ++desk->updates.serial;
    pending->deadline_ms = desk->now_ms + (uint64_t)bounds->deadline * 1000 + GRACE_MS;
    pending->octets = octets;
    if (!add_ticket(pending, ticket)) {
        free_pending(pending);
        return NULL;
    }
    return pending;
}

static bool send_update(struct desk *desk, const struct request *request, uint64_t id,
                        const struct update *update)
{
    char who[TICKET_WHO_OCTETS];
    struct message message = {.kind = MESSAGE_UPDATE,
                              .update = {.id = id,
                                         .refusal = update->refusal,
                                         .prerequisite_count = update->prerequisite_count,
                                         .prerequisites = update->prerequisites,
                                         .change_count = update->change_count,
                                         .changes = update->changes,
                                         .who = ticket_who(&request->ticket, who)}};

    name_copy(&message.update.zone, &request->question.name);
    name_lower(&message.update.zone);
    return desk->outlets->change(desk->context, &message);
}

/* Remembered before it is sent: what cannot be remembered must not be done. */
static enum taken hand_on(struct desk *desk, struct request *request, const struct update *update,
                          const struct replay_mark *mark)
{
    uint64_t octets = update->prerequisites.length + update->changes.length + sizeof(struct ticket);
    struct pending *pending = make(desk, &request->ticket, octets);

    if (!pending)
        return no_room(desk, &request->ticket);
    if (mark) {
        pending->is_marked = true;
        pending->mark = *mark;
    }
    if ((mark && replay_add(&desk->replay, mark, pending->id, desk->now)) ||
        !send_update(desk, request, pending->id, update)) {
        if (mark)
            replay_forget(&desk->replay, mark); /* nothing was done: it may be tried again */
        free_pending(pending);
        return no_room(desk, &request->ticket);
    }
    link_in(&desk->updates, pending);
    return TAKEN_WAITS;
}

/* ---- one that was here before ----------------------------------------------------------------*/

static bool is_same_client(const struct origin *a, const struct origin *b)
{
    return a->peer.family == b->peer.family && a->peer.port == b->peer.port &&
           memcmp(a->peer.octets, b->peer.octets, sizeof a->peer.octets) == 0;
}

/* By a datagram, from where an answer goes anyway: that is enough. Else this one waits as well. */
static enum taken wait_too(struct desk *desk, struct ticket *ticket, uint64_t id)
{
    struct pending *pending = find(&desk->updates, id);
    struct pending_ticket *each = pending ? pending->tickets : NULL;

    for (; each && ticket->origin.udp; each = each->next) {
        if (each->ticket.origin.udp && is_same_client(&each->ticket.origin, &ticket->origin))
            return TAKEN_SILENT;
    }
    if (pending && pending->ticket_count < TICKETS && add_ticket(pending, ticket))
        return TAKEN_WAITS;
    return no_room(desk, ticket);
}

/* TAKEN_NEW: it was not here before. */
enum { TAKEN_NEW = -1 };

static int look_back(struct desk *desk, struct request *request, const struct replay_mark *mark)
{
    struct ticket *ticket = &request->ticket;
    struct replay_found found;

    switch (replay_look(&desk->replay, mark, desk->now, &found)) {
    case REPLAY_NEW:
        break;
    case REPLAY_UNDER_WAY:
        metric_add(desk->metrics, METRIC_UPDATES_REPEATED, 1);
        return (int)wait_too(desk, ticket, found.update);
    case REPLAY_DONE:
        metric_add(desk->metrics, METRIC_UPDATES_REPEATED, 1);
        return (int)reply_code(desk, ticket, found.rcode, EDE_NONE);
    case REPLAY_TOO_OLD:
        metric_add(desk->metrics, METRIC_TSIG_BADTIME, 1);
        authorise_tell(desk, ticket, &request->question.name,
                       "may have been carried out before we started");
        ticket->tsig.error = RCODE_BADTIME;
        return (int)reply_code(desk, ticket, RCODE_NOTAUTH, EDE_NONE);
    }
    return TAKEN_NEW;
}

/* ---- taking ----------------------------------------------------------------------------------*/

static enum taken judge(struct desk *desk, struct request *request, const struct config_zone *zone,
                        const struct replay_mark *mark)
{
    struct config_peer peer = authorise_peer(&request->ticket);
    struct update_order order = {.zone = zone,
                                 .peer = &peer,
                                 .prerequisites = request->counts[SECTION_ANSWER],
                                 .changes = request->counts[SECTION_AUTHORITY],
                                 .rdata = desk->plain,
                                 .packed = desk->packed};
    struct update update;

    update_read(&request->body, &order, &update);
    if (update.refusal == RCODE_REFUSED) {
        metric_add(desk->metrics, METRIC_UPDATES_REFUSED, 1);
        authorise_tell(desk, &request->ticket, &zone->name,
                       "refused, no grant covers all of it, or it is too large");
    }
    if (update.refusal && update.prerequisite_count == 0)
        return reply_code(desk, &request->ticket, update.refusal, EDE_NONE);
    return hand_on(desk, request, &update, mark);
}

enum taken pending_take(struct desk *desk, struct request *request)
{
    struct replay_mark mark;

    metric_add(desk->metrics, METRIC_UPDATES_ASKED, 1);
    const struct config_zone *zone = authorise(desk, request, config_update_allowed);
    if (!zone)
        return TAKEN_ANSWERED;
    if (!request->ticket.tsig.key) /* by its address, which somebody calls `insecure: true` */
        return judge(desk, request, zone, NULL);
    replay_mark(&request->ticket.tsig, &mark);
    int before = look_back(desk, request, &mark);
    return before == TAKEN_NEW ? judge(desk, request, zone, &mark) : (enum taken)before;
}
