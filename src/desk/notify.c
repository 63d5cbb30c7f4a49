/* notify.c - NOTIFY to secondaries (RFC 1996): whom to tell, when, how often, and what they said.
 */
#include "notify_table.h"

#include <stdlib.h>

#include "avow/base/random.h"

enum {
    ONE_MESSAGE = 1000, /* of credit, which grows by NOTIFY_PER_SECOND each millisecond */
    BLOCKED_MS = 10,
    LINES_PER_MINUTE = 6
};

static const uint32_t patience_ms[NOTIFY_TRIES] = {2000, 4000, 8000, 16000, 32000, 32000};

/* ---- telling the keeper ----------------------------------------------------------------------*/

static void report(struct notify *notify, const struct notify_target *target,
                   enum secondary_event event, const char *text)
{
    char address[CONFIG_ADDRESS_TEXT];
    struct message message = {
        .kind = MESSAGE_SECONDARY,
        .secondary = {.address = config_address_to_text(&target->config->address, address),
                      .event = (uint8_t)event,
                      .serial = target->told,
                      .time = notify->now,
                      .text = text}};

    name_copy(&message.secondary.zone, target->zone->name);
    (void)notify->outlets->letter(notify->context, &message);
}

/* ---- from state to state ---------------------------------------------------------------------*/

static void begin(struct notify *notify, struct notify_target *target)
{
    target->tries = 0;
    target->reason = NULL;
    notify_target_put(notify->table, target, target->resting ? NOTIFY_HELD : NOTIFY_FRESH);
}

/* Answered or given up. The zone may have gone on since the message was sent. */
static void end(struct notify *notify, struct notify_target *target)
{
    notify_target_put(notify->table, target, NOTIFY_IDLE);
    if (target->told != target->zone->serial)
        begin(notify, target);
}

static void give_up(struct notify *notify, struct notify_target *target)
{
    char zone[NAME_MAX_TEXT], address[CONFIG_ADDRESS_TEXT];
    const char *reason = target->reason ? target->reason : "no answer";

    metric_add(notify->metrics, METRIC_NOTIFIES_FAILED, 1);
    log_limited(&notify->silent_lines, LINES_PER_MINUTE, notify->now_ms,
                "NOTIFY of %s serial %u to %s is given up: %s",
                name_to_text(target->zone->name, zone), (unsigned)target->told,
                config_address_to_text(&target->config->address, address), reason);
    report(notify, target, SECONDARY_SILENT, reason);
    end(notify, target);
}

static void expire(struct notify *notify, struct notify_target *target)
{
    if (target->tries == NOTIFY_TRIES)
        give_up(notify, target);
    else
        notify_target_put(notify->table, target, NOTIFY_AGAIN);
}

static void end_rest(struct notify *notify, struct notify_target *target)
{
    TAILQ_REMOVE(&notify->table->resting, target, rest);
    target->resting = false;
    if (target->state == NOTIFY_HELD)
        notify_target_put(notify->table, target, NOTIFY_FRESH);
}

/* ---- sending ---------------------------------------------------------------------------------*/

static struct notify_terms terms_of(const struct notify *notify, const struct notify_target *target)
{
    const struct config_tsig *key = target->config->key;

    return (struct notify_terms){.zone = target->zone->name,
                                 .keyring = notify->keyring,
                                 .key = key ? tsig_keyring_find(notify->keyring, &key->name) : NULL,
                                 .now = notify->now};
}

static struct notify_target *flight_of(const struct notify_peer *peer, uint16_t id)
{
    struct notify_target *target;

    TAILQ_FOREACH(target, &peer->flights, flight)
    {
        if (target->live && target->sent.id == id)
            return target;
    }
    return NULL;
}

/* An id that no message to this peer has that is under way: one of at most NOTIFY_WINDOW, so that a
 * second draw is rare and a third is none of chance. */
static enum result draw_id(const struct notify_peer *peer, uint16_t *id)
{
    enum { DRAWS = 16 };

    for (unsigned i = 0; i < DRAWS; i++) {
        if (random_fill(id, sizeof *id))
            return RESULT_SYSTEM;
        if (!flight_of(peer, *id))
            return RESULT_OK;
    }
    return RESULT_SYSTEM;
}

static enum notify_delivery deliver(struct notify *notify, struct notify_target *target)
{
    uint8_t octets[NOTIFY_MAX_OCTETS];
    struct writer writer = writer_over(octets, sizeof octets);
    struct notify_terms terms = terms_of(notify, target);
    struct notify_sent sent;
    const char *why = "no message could be made";

    target->reason = why;
    if (draw_id(target->peer, &sent.id) || (target->config->key && !terms.key) ||
        notify_write(&terms, &sent, &writer))
        return NOTIFY_UNSENT;
    enum notify_delivery delivery = notify->outlets->send(notify->context, &target->config->address,
                                                          span_of(octets, writer.length), &why);
    target->reason = delivery == NOTIFY_UNSENT ? why : NULL;
    if (delivery == NOTIFY_SENT)
        target->sent = sent;
    return delivery;
}

/* False: nothing more in this turn. */
static bool transmit(struct notify *notify, struct notify_target *target)
{
    struct notify_table *table = notify->table;
    const char *reason = target->reason;
    enum notify_delivery delivery = deliver(notify, target);

    if (delivery == NOTIFY_LATER) {
        target->reason = reason;
        notify->blocked_ms = notify->now_ms + BLOCKED_MS;
        return false;
    }
    if (delivery == NOTIFY_SENT)
        metric_add(notify->metrics, METRIC_NOTIFIES_SENT, 1);
    if (!target->reason)
        target->reason = reason; /* what was wrong with an answer is better than nothing */
    notify->credit -= ONE_MESSAGE;
    target->tries++;
    target->told = target->zone->serial;
    target->sent_ms = notify->now_ms;
    target->due_ms = notify->now_ms + patience_ms[target->tries - 1];
    notify_target_put(table, target, NOTIFY_WAITING);
    target->live = delivery == NOTIFY_SENT;
    notify_target_rest(table, target);
    return true;
}

static void refill(struct notify *notify)
{
    uint64_t most = (uint64_t)NOTIFY_BURST * ONE_MESSAGE;
    uint64_t passed = notify->now_ms - notify->credit_ms;

    notify->credit_ms = notify->now_ms;
    if (passed >= most / NOTIFY_PER_SECOND)
        notify->credit = most;
    else
        notify->credit += passed * NOTIFY_PER_SECOND;
    if (notify->credit > most)
        notify->credit = most;
}

static void send_what_may_leave(struct notify *notify)
{
    struct notify_turns *ready = &notify->table->ready;

    while (!TAILQ_EMPTY(ready) && notify->credit >= ONE_MESSAGE &&
           notify->blocked_ms <= notify->now_ms) {
        struct notify_peer *peer = TAILQ_FIRST(ready);
        struct notify_target *target = TAILQ_FIRST(&peer->again);
        if (!transmit(notify, target ? target : TAILQ_FIRST(&peer->fresh)))
            return;
        if (peer->ready) {
            TAILQ_REMOVE(ready, peer, turn);
            TAILQ_INSERT_TAIL(ready, peer, turn);
        }
    }
}

/* ---- time ------------------------------------------------------------------------------------*/

static void earlier(uint64_t *next, uint64_t moment)
{
    if (moment < *next)
        *next = moment;
}

static uint64_t when_next(const struct notify *notify)
{
    const struct notify_table *table = notify->table;
    uint64_t next = UINT64_MAX;

    if (!TAILQ_EMPTY(&table->ready)) {
        uint64_t lacking = notify->credit < ONE_MESSAGE ? ONE_MESSAGE - notify->credit : 0;
        uint64_t paid = notify->now_ms + (lacking + NOTIFY_PER_SECOND - 1) / NOTIFY_PER_SECOND;
        next = paid > notify->blocked_ms ? paid : notify->blocked_ms;
    }
    for (unsigned i = 0; i < NOTIFY_TRIES; i++) {
        if (!TAILQ_EMPTY(&table->waiting[i]))
            earlier(&next, TAILQ_FIRST(&table->waiting[i])->due_ms);
    }
    if (table->held)
        earlier(&next, TAILQ_FIRST(&table->resting)->sent_ms + NOTIFY_REST_MS);
    return next;
}

uint64_t notify_tick(struct notify *notify)
{
    struct notify_table *table = notify->table;
    struct notify_target *target;

    if (!table)
        return UINT64_MAX;
    while ((target = TAILQ_FIRST(&table->resting)) &&
           target->sent_ms + NOTIFY_REST_MS <= notify->now_ms)
        end_rest(notify, target);
    for (unsigned i = 0; i < NOTIFY_TRIES; i++) {
        while ((target = TAILQ_FIRST(&table->waiting[i])) && target->due_ms <= notify->now_ms)
            expire(notify, target);
    }
    refill(notify);
    send_what_may_leave(notify);
    return when_next(notify);
}

/* ---- answers ---------------------------------------------------------------------------------*/

static void tell_answer(struct notify *notify, const struct notify_target *target, uint16_t rcode)
{
    char zone[NAME_MAX_TEXT], address[CONFIG_ADDRESS_TEXT];

    if (rcode == RCODE_NOERROR && !log_wants(LOG_LEVEL_DEBUG))
        return;
    name_to_text(target->zone->name, zone);
    config_address_to_text(&target->config->address, address);
    if (rcode == RCODE_NOERROR) {
        log_debug("NOTIFY of %s serial %u: %s knows", zone, (unsigned)target->told, address);
    } else if (rcode != RCODE_NOTIMP) {
        log_limited(&notify->refusal_lines, LINES_PER_MINUTE, notify->now_ms,
                    "NOTIFY of %s serial %u: %s answers %s", zone, (unsigned)target->told, address,
                    rcode_to_text(rcode));
    } else if (!target->peer->lacks_notify) {
        target->peer->lacks_notify = true;
        log_warning("%s does not know NOTIFY: it finds changes by the SOA's refresh time", address);
    }
}

static void take_answer(struct notify *notify, struct notify_target *target, uint16_t rcode)
{
    metric_add(notify->metrics, METRIC_NOTIFIES_ANSWERED, 1);
    tell_answer(notify, target, rcode);
    report(notify, target, SECONDARY_NOTIFIED, rcode == RCODE_NOERROR ? "" : rcode_to_text(rcode));
    end(notify, target);
}

void notify_received(struct notify *notify, const struct config_address *from,
                     const uint8_t *octets, size_t length)
{
    struct notify_peer *peer = notify->table ? notify_table_peer(notify->table, from) : NULL;
    struct reader message = reader_over(octets, length);
    struct notify_answer answer;
    uint16_t id = reader_u16(&message);

    if (!peer || message.failed)
        return;
    struct notify_target *target = flight_of(peer, id);
    if (!target)
        return;
    struct notify_terms terms = terms_of(notify, target);
    if (target->config->key && !terms.key)
        return;
    switch (notify_judge(&terms, &target->sent, octets, length, &answer)) {
    case NOTIFY_FOREIGN:
        return;
    case NOTIFY_UNTRUSTED:
        target->reason = answer.text;
        return;
    case NOTIFY_ANSWERED:
        take_answer(notify, target, answer.rcode);
    }
}

/* ---- changes ---------------------------------------------------------------------------------*/

static void tell_everybody(struct notify *notify, struct notify_zone *zone)
{
    for (size_t i = 0; i < zone->count; i++) {
        if (zone->targets[i].state == NOTIFY_IDLE)
            begin(notify, &zone->targets[i]);
    }
}

void notify_changed(struct notify *notify, const struct name *name, uint32_t serial)
{
    struct notify_zone *zone = notify->table ? notify_table_zone(notify->table, name) : NULL;

    if (!zone) {
        struct notify_early *early = &notify->early[notify->early_count++ % NOTIFY_EARLY];
        name_copy(&early->zone, name);
        early->serial = serial;
        return;
    }
    zone->serial = serial;
    zone->known = true;
    tell_everybody(notify, zone);
}

/* ---- configuration ---------------------------------------------------------------------------*/

enum result notify_plan(const struct config *config, struct notify_table **plan)
{
    return notify_table_make(config, plan);
}

void notify_discard(struct notify_table *plan)
{
    notify_table_free(plan);
}

/* The keeper may hear of a new zone before we do. */
static void recall_early(struct notify *notify)
{
    unsigned count = notify->early_count < NOTIFY_EARLY ? notify->early_count : NOTIFY_EARLY;

    for (unsigned i = notify->early_count - count; i < notify->early_count; i++) {
        const struct notify_early *early = &notify->early[i % NOTIFY_EARLY];
        struct notify_zone *zone = notify_table_zone(notify->table, &early->zone);
        if (!zone)
            continue;
        zone->serial = early->serial;
        zone->known = true;
    }
    notify->early_count = 0;
}

static void tell_newcomers(struct notify *notify)
{
    for (size_t i = 0; i < notify->table->target_count; i++) {
        struct notify_target *target = &notify->table->targets[i];
        if (target->zone->known && !target->inherited)
            begin(notify, target);
    }
}

void notify_adopt(struct notify *notify, struct notify_table *plan,
                  const struct tsig_keyring *keyring)
{
    if (notify->table)
        notify_table_inherit(plan, notify->table);
    notify_table_free(notify->table);
    notify->table = plan;
    notify->keyring = keyring;
    recall_early(notify);
    tell_newcomers(notify);
}

void notify_close(struct notify *notify)
{
    notify_table_free(notify->table);
    notify->table = NULL;
    notify->keyring = NULL;
}
