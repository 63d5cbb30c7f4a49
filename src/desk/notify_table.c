/* notify_table.c - zones, peers and what is to be told to whom, as one configuration has them. */
#include "notify_table.h"

#include <stdlib.h>

/* ---- making ----------------------------------------------------------------------------------*/

static int compare_addresses(const struct config_address *a, const struct config_address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int order = memcmp(a->octets, b->octets, sizeof a->octets);
    if (order)
        return order;
    return (a->port > b->port) - (a->port < b->port);
}

static int compare_peers(const void *a, const void *b)
{
    const struct notify_peer *first = a, *second = b;
    return compare_addresses(&first->address, &second->address);
}

static size_t count_targets(const struct config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->zone_count; i++)
        count += config->zones[i].notify_count;
    return count;
}

/* Each address once, in order. */
static void gather_peers(struct notify_table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->target_count; i++)
        table->peers[i].address = table->targets[i].config->address;
    qsort(table->peers, table->target_count, sizeof *table->peers, compare_peers);
    for (size_t i = 0; i < table->target_count; i++) {
        if (count && compare_peers(&table->peers[count - 1], &table->peers[i]) == 0)
            continue;
        table->peers[count++].address = table->peers[i].address;
    }
    table->peer_count = count;
    for (size_t i = 0; i < count; i++) {
        TAILQ_INIT(&table->peers[i].fresh);
        TAILQ_INIT(&table->peers[i].again);
        TAILQ_INIT(&table->peers[i].flights);
    }
}

static void gather_targets(struct notify_table *table)
{
    struct notify_target *next = table->targets;

    for (size_t i = 0; i < table->config->zone_count; i++) {
        const struct config_zone *zone = &table->config->zones[i];
        table->zones[i] =
            (struct notify_zone){.name = &zone->name, .targets = next, .count = zone->notify_count};
        for (size_t j = 0; j < zone->notify_count; j++, next++) {
            next->config = &zone->notify[j];
            next->zone = &table->zones[i];
        }
    }
}

enum result notify_table_make(const struct config *config, struct notify_table **made)
{
    struct notify_table *table = calloc(1, sizeof *table);

    *made = NULL;
    if (!table)
        return RESULT_SYSTEM;
    table->config = config;
    table->target_count = count_targets(config);
    table->zones = calloc(config->zone_count + 1, sizeof *table->zones);
    table->targets = calloc(table->target_count + 1, sizeof *table->targets);
    table->peers = calloc(table->target_count + 1, sizeof *table->peers);
    if (!table->zones || !table->targets || !table->peers) {
        notify_table_free(table);
        return RESULT_SYSTEM;
    }
    for (unsigned i = 0; i < NOTIFY_TRIES; i++)
        TAILQ_INIT(&table->waiting[i]);
    TAILQ_INIT(&table->resting);
    TAILQ_INIT(&table->ready);
    gather_targets(table);
    gather_peers(table);
    for (size_t i = 0; i < table->target_count; i++)
        table->targets[i].peer = notify_table_peer(table, &table->targets[i].config->address);
    *made = table;
    return RESULT_OK;
}

void notify_table_free(struct notify_table *table)
{
    if (!table)
        return;
    free(table->zones);
    free(table->targets);
    free(table->peers);
    free(table);
}

/* ---- finding ---------------------------------------------------------------------------------*/

struct notify_zone *notify_table_zone(const struct notify_table *table, const struct name *name)
{
    const struct config_zone *zone = config_zone_find(table->config, name);

    return zone ? &table->zones[zone - table->config->zones] : NULL;
}

struct notify_peer *notify_table_peer(const struct notify_table *table,
                                      const struct config_address *address)
{
    size_t low = 0, high = table->peer_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_addresses(address, &table->peers[middle].address);
        if (order == 0)
            return &table->peers[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- lists -----------------------------------------------------------------------------------*/

static struct notify_list *list_of(struct notify_table *table, struct notify_target *target)
{
    switch ((enum notify_state)target->state) {
    case NOTIFY_FRESH:
        return &target->peer->fresh;
    case NOTIFY_AGAIN:
        return &target->peer->again;
    case NOTIFY_WAITING:
        return &table->waiting[target->tries - 1];
    case NOTIFY_IDLE:
    case NOTIFY_HELD:
        break;
    }
    return NULL;
}

static bool is_flying(enum notify_state state)
{
    return state == NOTIFY_AGAIN || state == NOTIFY_WAITING;
}

static void set_flying(struct notify_target *target, bool flies)
{
    struct notify_peer *peer = target->peer;
    bool flew = is_flying((enum notify_state)target->state);

    if (flew && !flies) {
        TAILQ_REMOVE(&peer->flights, target, flight);
        peer->flight_count--;
        target->live = false;
    } else if (!flew && flies) {
        TAILQ_INSERT_TAIL(&peer->flights, target, flight);
        peer->flight_count++;
    }
}

static void set_ready(struct notify_table *table, struct notify_peer *peer)
{
    bool ready = !TAILQ_EMPTY(&peer->again) ||
                 (!TAILQ_EMPTY(&peer->fresh) && peer->flight_count < NOTIFY_WINDOW);

    if (ready && !peer->ready)
        TAILQ_INSERT_TAIL(&table->ready, peer, turn);
    else if (!ready && peer->ready)
        TAILQ_REMOVE(&table->ready, peer, turn);
    peer->ready = ready;
}

void notify_target_put(struct notify_table *table, struct notify_target *target,
                       enum notify_state state)
{
    struct notify_list *from = list_of(table, target);

    if (from)
        TAILQ_REMOVE(from, target, place);
    table->held -= target->state == NOTIFY_HELD;
    set_flying(target, is_flying(state));
    target->state = (uint8_t)state;
    struct notify_list *to = list_of(table, target);
    if (to)
        TAILQ_INSERT_TAIL(to, target, place);
    table->held += state == NOTIFY_HELD;
    set_ready(table, target->peer);
}

void notify_target_rest(struct notify_table *table, struct notify_target *target)
{
    if (target->resting)
        TAILQ_REMOVE(&table->resting, target, rest);
    TAILQ_INSERT_TAIL(&table->resting, target, rest);
    target->resting = true;
}

/* ---- from one configuration to the next --------------------------------------------------------
 */

static bool same_key(const struct config_tsig *a, const struct config_tsig *b)
{
    return a && b ? name_equal(&a->name, &b->name) : a == b;
}

static struct notify_target *counterpart(const struct notify_zone *zone,
                                         const struct config_notify *config)
{
    for (size_t i = 0; i < zone->count; i++) {
        const struct config_notify *other = zone->targets[i].config;
        if (compare_addresses(&other->address, &config->address) == 0 &&
            same_key(other->key, config->key))
            return &zone->targets[i];
    }
    return NULL;
}

static void inherit_zone(struct notify_zone *heir, const struct notify_zone *zone)
{
    heir->serial = zone->serial;
    heir->known = zone->known;
    for (size_t i = 0; i < heir->count; i++) {
        struct notify_target *target = counterpart(zone, heir->targets[i].config);
        if (target)
            target->heir = &heir->targets[i];
    }
}

static void inherit_target(struct notify_table *heirs, struct notify_target *target)
{
    struct notify_target *heir = target->heir;
    enum notify_state state = (enum notify_state)target->state;

    if (!heir)
        return;
    heir->due_ms = target->due_ms;
    heir->sent_ms = target->sent_ms;
    heir->told = target->told;
    heir->reason = target->reason;
    heir->sent = target->sent;
    heir->tries = target->tries;
    heir->inherited = true;
    notify_target_put(heirs, heir, state);
    heir->live = target->live;
}

static void inherit_list(struct notify_table *heirs, struct notify_list *list)
{
    struct notify_target *target;

    TAILQ_FOREACH(target, list, place)
    inherit_target(heirs, target);
}

static void inherit_peer(struct notify_table *heirs, struct notify_peer *peer)
{
    struct notify_peer *heir = notify_table_peer(heirs, &peer->address);

    if (heir)
        heir->lacks_notify = peer->lacks_notify;
    inherit_list(heirs, &peer->again);
    inherit_list(heirs, &peer->fresh);
}

void notify_table_inherit(struct notify_table *heir, struct notify_table *table)
{
    struct notify_target *target;

    for (size_t i = 0; i < heir->config->zone_count; i++) {
        const struct notify_zone *zone = notify_table_zone(table, heir->zones[i].name);
        if (zone)
            inherit_zone(&heir->zones[i], zone);
    }
    for (unsigned i = 0; i < NOTIFY_TRIES; i++)
        inherit_list(heir, &table->waiting[i]);
    for (size_t i = 0; i < table->peer_count; i++)
        inherit_peer(heir, &table->peers[i]);
    for (size_t i = 0; i < table->target_count; i++) {
        if (table->targets[i].state <= NOTIFY_HELD) /* in no list */
            inherit_target(heir, &table->targets[i]);
    }
    TAILQ_FOREACH(target, &table->resting, rest)
    {
        if (target->heir)
            notify_target_rest(heir, target->heir);
    }
}
