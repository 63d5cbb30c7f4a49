/* worker.c - one thread of the front: its loop, and the way of a message through it. */
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avow/answer/cache.h"
#include "avow/base/clock.h"
#include "serve.h"

enum {
    RETRY_MS = 1, /* when the keeper is between two states */
    STACK_OCTETS = 512 * 1024,
    LATE_OCTETS = TCP_PREFIX_OCTETS + TCP_MESSAGE_OCTETS,
    ZONE_LINES = 1
};

/* ---- before and after answering --------------------------------------------------------------*/

static void fail(struct worker *worker, const char *why)
{
    if (worker->failed)
        return;
    worker->failed = true;
    log_error("worker %u: %s", worker->order.index, why);
    ev_break(worker->loop, EVBREAK_ALL);
    worker->order.failed(worker->order.context);
}

static void refresh_zones(struct worker *worker)
{
    switch (zone_table_refresh(&worker->zones, &worker->snapshot)) {
    case RESULT_OK:
        return;
    case RESULT_CORRUPT:
        metric_add(worker->metrics, METRIC_STORE_CORRUPT, 1);
        log_limited(&worker->zone_lines, ZONE_LINES, clock_monotonic_ms(),
                    "the store's record of a zone is damaged: SERVFAIL for that zone");
        return;
    default:
        log_limited(&worker->zone_lines, ZONE_LINES, clock_monotonic_ms(),
                    "no memory for the table of zones: an older one stays in use");
    }
}

bool worker_begin(struct worker *worker)
{
    if (worker->failed)
        return false;
    switch (snapshot_renew(&worker->snapshot)) {
    case RENEWAL_READY:
        break;
    case RENEWAL_LATER:
        if (!ev_is_active(&worker->retry))
            ev_timer_again(worker->loop, &worker->retry);
        return false;
    case RENEWAL_BROKEN:
        fail(worker, "the store cannot be read");
        return false;
    }
    if (!worker->zones.built || worker->zones.generation != worker->snapshot.zones_generation)
        refresh_zones(worker);
    worker->facts.now = clock_wall_seconds();
    return true;
}

void worker_end(struct worker *worker)
{
    snapshot_rest(&worker->snapshot);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct worker *worker = watcher->data;
    (void)happened;

    if (!worker_begin(worker))
        return; /* the timer runs on */
    worker_end(worker);
    ev_timer_stop(loop, watcher);
    udp_resume(&worker->udp);
    tcp_resume(&worker->tcp);
}

/* ---- questions that waited -------------------------------------------------------------------*/

static bool ask_keeper(void *context, uint64_t id, const struct answer_wanted *what, bool proven)
{
    struct worker *worker = context;
    struct message message = {
        .kind = MESSAGE_WANT,
        .want = {.id = id,
                 .version = what->version,
                 .kind = what->kind == ANSWER_WANTED_NSEC3 ? WANT_NSEC3 : WANT_RRSET,
                 .type = what->type,
                 .owner = what->owner,
                 .proven = proven}};

    if (what->kind == ANSWER_WANTED_NSEC3)
        message.want.hash = span_of(what->hash, sizeof what->hash);
    return worker->keeper && channel_send(worker->keeper, &message) == RESULT_OK;
}

static void send_late(struct worker *worker, const struct origin *origin, size_t length)
{
    if (origin->transport == ANSWER_TCP)
        tcp_answer(&worker->tcp, origin->connection, worker->late, length);
    else if (length)
        udp_send(worker, origin, worker->late + TCP_PREFIX_OCTETS, length);
}

static const struct outcome *answer_late(void *context, const struct wanted_query *query,
                                         enum answer_patience patience)
{
    struct worker *worker = context;
    const struct origin *origin = &query->origin;
    size_t size =
        origin->transport == ANSWER_UDP ? worker->settings.udp_payload : (size_t)TCP_MESSAGE_OCTETS;
    size_t length = 0;

    if (query_read(query->octets, query->length, &worker->query) == ANSWER_SEND) {
        worker->asker = (struct wanted_asker){.proven = query->proven};
        worker->facts.transport = origin->transport;
        worker->facts.keepalive = origin->transport == ANSWER_TCP;
        worker->facts.keepalive_tenths = (uint16_t)(tcp_patience_ms(&worker->tcp) / 100);
        cookies_judge(worker, &origin->client);
        serve_make(worker, patience, worker->late + TCP_PREFIX_OCTETS, size);
        if (worker->outcome.verdict == ANSWER_WANTED)
            return &worker->outcome;
        if (query->turned && worker->outcome.kind == ANSWER_FAILURE &&
            origin->transport == ANSWER_UDP)
            serve_turn(worker, worker->late + TCP_PREFIX_OCTETS, size);
        if (worker->outcome.verdict == ANSWER_SEND) {
            serve_count(worker);
            if (worker->restraint.limits && origin->transport == ANSWER_UDP)
                restraint_late(&worker->restraint, &origin->client, &worker->query, &worker->zones,
                               serve_knows(worker), &worker->outcome);
            length = worker->outcome.length;
        }
    }
    send_late(worker, origin, length);
    return NULL;
}

static const struct wanted_events wanted_events = {.ask = ask_keeper, .answer = answer_late};

static void fetch_counts(struct worker *worker)
{
    struct wanted *wanted = &worker->wanted;

    metric_add(worker->metrics, METRIC_WANTS_ASKED, wanted->asked);
    metric_add(worker->metrics, METRIC_WANTS_ANSWERED, wanted->answered);
    metric_add(worker->metrics, METRIC_WANTS_TIMEOUT, wanted->timeouts);
    metric_add(worker->metrics, METRIC_WANTS_DELAYED, wanted->delayed);
    metric_set(worker->metrics, METRIC_WANTS_PARKED, wanted->queries);
    wanted->asked = wanted->answered = wanted->timeouts = wanted->delayed = 0;
}

/* Before the loop waits: how urgent all this is; answers to what has become ready in this turn,
 * from one snapshot; then the questions that had to wait for those answers. */
static void on_settle(struct ev_loop *loop, ev_prepare *watcher, int happened)
{
    struct worker *worker = watcher->data;
    (void)happened;

    urgency_look(&worker->urgency, ev_now(loop));
    if (ev_is_active(&worker->retry))
        return;
    if (wanted_has_ready(&worker->wanted)) {
        if (!worker_begin(worker))
            return;
        wanted_settle(&worker->wanted, clock_monotonic_ms());
        worker_end(worker);
        fetch_counts(worker);
    }
    if (tcp_has_waiting(&worker->tcp))
        tcp_resume(&worker->tcp);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int happened)
{
    struct worker *worker = watcher->data;
    (void)happened;

    wanted_tick(&worker->wanted, clock_monotonic_ms());
    fetch_counts(worker);
    if (!wanted_is_busy(&worker->wanted))
        ev_timer_stop(loop, watcher);
}

/* ---- the keeper ------------------------------------------------------------------------------*/

static void on_stored(void *context, const struct message *message, struct frame *frame)
{
    struct worker *worker = context;
    (void)frame;
    wanted_stored(&worker->wanted, message->stored.id);
}

static void on_not_stored(void *context, const struct message *message, struct frame *frame)
{
    struct worker *worker = context;
    (void)frame;
    wanted_refused(&worker->wanted, message->not_stored.id,
                   (enum not_stored_reason)message->not_stored.reason, clock_monotonic_ms());
}

static void on_allowance(void *context, const struct message *message, struct frame *frame)
{
    struct worker *worker = context;
    const struct message_allowance *allowance = &message->allowance;
    (void)frame;

    if (allowance->rate == 0)
        return; /* nothing that a keeper says */
    wanted_allow(&worker->wanted, allowance->unproven, allowance->proven);
    shares_measure(&worker->shares, allowance->rate);
}

static const struct dispatch_table from_keeper = {.link = LINK_WANTED,
                                                  .self = LINK_LOWER,
                                                  .handlers = {[MESSAGE_STORED] = on_stored,
                                                               [MESSAGE_NOT_STORED] = on_not_stored,
                                                               [MESSAGE_ALLOWANCE] = on_allowance}};

static void on_keeper_frame(void *context, struct channel *channel, struct frame *frame)
{
    struct worker *worker = context;
    (void)channel;

    metric_add(worker->metrics, METRIC_LETTERS, 1);
    if (dispatch_frame(&from_keeper, &worker->keeper_letters, frame, worker) != DISPATCH_HANDLED)
        metric_add(worker->metrics, METRIC_LETTERS_REFUSED, 1);
}

static void on_keeper_closed(void *context, struct channel *channel)
{
    struct worker *worker = context;

    channel_free(channel);
    worker->keeper = NULL;
    wanted_link(&worker->wanted, false, clock_monotonic_ms());
}

static const struct channel_events keeper_events = {.frame = on_keeper_frame,
                                                    .closed = on_keeper_closed};

static void connect_keeper(struct worker *worker, int descriptor)
{
    channel_free(worker->keeper);
    worker->keeper_letters = (struct dispatch_state){.peer = "the keeper"};
    worker->keeper = channel_open(worker->loop, descriptor, &keeper_events, worker,
                                  (struct channel_bounds){.octets = 0});
    if (!worker->keeper)
        log_error("out of memory: the keeper is not heard");
    wanted_link(&worker->wanted, worker->keeper != NULL, clock_monotonic_ms());
}

/* ---- mail from the main thread ---------------------------------------------------------------*/

static void configure_answerer(struct worker *worker)
{
    const struct settings *settings = &worker->settings;
    struct answerer *answerer = &worker->answerer;

    answerer->udp_payload = settings->udp_payload;
    answerer->nsid_length = (uint16_t)strlen(settings->identity);
    answerer->nsid = answerer->nsid_length ? (const uint8_t *)settings->identity : NULL;
    answerer->identity = settings->identity[0] ? settings->identity : NULL;
    answerer->version = settings->version[0] ? settings->version : NULL;
}

static void make_cache(struct worker *worker)
{
    if (answer_cache_make(&worker->cache, worker->order.cache_octets))
        worker->cache = NULL; /* slower, not wrong */
    worker->answerer.cache = worker->cache;
    metric_set(worker->metrics, METRIC_CACHE_OCTETS,
               worker->cache ? answer_cache_octets(worker->cache) : 0);
}

static void configure(struct worker *worker, const struct settings *settings)
{
    const uint16_t payload = worker->settings.udp_payload;

    worker->settings = *settings;
    worker->settings.limits = NULL;
    restraint_configure(&worker->restraint, settings->limits);
    if (udp_configure(&worker->udp, settings->udp_payload)) {
        log_warning("no memory for larger answers: server.udp-payload stays as it was");
        worker->settings.udp_payload = payload;
    }
    configure_answerer(worker);
    tcp_configure(&worker->tcp);
}

static void on_mail(struct ev_loop *loop, ev_async *watcher, int happened)
{
    struct worker *worker = watcher->data;
    struct worker_mail *box = &worker->mail;
    (void)happened;

    pthread_mutex_lock(&box->lock);
    int keeper = box->keeper, desk = box->desk;
    bool stop = box->stop, other = box->configure;
    struct settings settings = box->settings;
    box->keeper = box->desk = -1;
    box->configure = false;
    box->settings.limits = NULL; /* held here from now on */
    pthread_mutex_unlock(&box->lock);

    if (keeper >= 0)
        connect_keeper(worker, keeper);
    if (desk >= 0)
        handoff_connect(&worker->handoff, desk);
    if (other)
        configure(worker, &settings);
    limits_let_go(settings.limits);
    explicit_bzero(&settings.cookies, sizeof settings.cookies); /* secrets are given up one day */
    if (stop)
        ev_break(loop, EVBREAK_ALL);
}

void worker_connect(struct worker *worker, enum room_kind peer, int descriptor)
{
    pthread_mutex_lock(&worker->mail.lock);
    int *place = peer == ROOM_KEEPER ? &worker->mail.keeper : &worker->mail.desk;
    int old = *place;
    *place = descriptor;
    pthread_mutex_unlock(&worker->mail.lock);
    if (old >= 0)
        close(old); /* never looked at: its peer is gone already */
    ev_async_send(worker->loop, &worker->wake);
}

void worker_configure(struct worker *worker, const struct settings *settings)
{
    limits_hold(settings->limits);
    pthread_mutex_lock(&worker->mail.lock);
    struct limits *unread = worker->mail.settings.limits;
    worker->mail.settings = *settings;
    worker->mail.configure = true;
    pthread_mutex_unlock(&worker->mail.lock);
    limits_let_go(unread);
    ev_async_send(worker->loop, &worker->wake);
}

/* ---- the thread ------------------------------------------------------------------------------*/

static void *run(void *context)
{
    struct worker *worker = context;

    urgency_begin(&worker->urgency, ev_now(worker->loop));
    ev_run(worker->loop, 0);
    return NULL;
}

enum result worker_start(struct worker *worker)
{
    pthread_attr_t attributes;

    if (pthread_attr_init(&attributes))
        return RESULT_SYSTEM;
    int failed = pthread_attr_setstacksize(&attributes, STACK_OCTETS);
    if (!failed)
        failed = pthread_create(&worker->thread, &attributes, run, worker);
    (void)pthread_attr_destroy(&attributes);
    worker->started = !failed;
    return failed ? RESULT_SYSTEM : RESULT_OK;
}

void worker_stop(struct worker *worker)
{
    if (!worker->started)
        return;
    pthread_mutex_lock(&worker->mail.lock);
    worker->mail.stop = true;
    pthread_mutex_unlock(&worker->mail.lock);
    ev_async_send(worker->loop, &worker->wake);
    (void)pthread_join(worker->thread, NULL);
    worker->started = false;
}

static void start_watchers(struct worker *worker)
{
    ev_async_init(&worker->wake, on_mail);
    ev_prepare_init(&worker->settle, on_settle);
    ev_timer_init(&worker->retry, on_retry, 0.0, RETRY_MS / 1000.0);
    ev_timer_init(&worker->tick, on_tick, 0.0, WANTED_TICK_MS / 1000.0);
    worker->wake.data = worker->settle.data = worker->retry.data = worker->tick.data = worker;
    ev_async_start(worker->loop, &worker->wake);
    ev_prepare_start(worker->loop, &worker->settle);
}

enum result worker_open(struct worker *worker, const struct worker_order *order)
{
    *worker = (struct worker){
        .order = *order,
        .settings = *order->settings,
        .metrics = order->metrics,
        .loop = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL),
        .late = malloc(LATE_OCTETS),
        .handoff = {.worker = worker},
        .restraint = {.limiter = order->limiter,
                      .metrics = order->metrics,
                      .chance = hash_octets(order->charge_key, &order->index, sizeof order->index)},
        .shares = {.limiter = order->limiter},
        .mail = {.keeper = -1, .desk = -1}};
    enum result result = RESULT_SYSTEM;

    if (pthread_mutex_init(&worker->mail.lock, NULL))
        goto failed;
    if (!worker->loop || !worker->late)
        goto failed;
    start_watchers(worker);
    result = snapshot_open(&worker->snapshot, order->store, order->pages, order->index);
    if (!result)
        result = wanted_open(&worker->wanted, &wanted_events, worker);
    if (!result)
        result = udp_open(&worker->udp, worker);
    if (!result)
        result = tcp_open(&worker->tcp, worker);
    if (result)
        goto failed;
    worker->answerer = (struct answerer){
        .snapshot = &worker->snapshot, .zones = &worker->zones, .charge_key = *order->charge_key};
    configure_answerer(worker);
    restraint_configure(&worker->restraint, order->settings->limits);
    worker->settings.limits = NULL;
    make_cache(worker);
    return RESULT_OK;

failed:
    worker_close(worker);
    return result;
}

static void close_mail(struct worker_mail *mail)
{
    if (mail->keeper >= 0)
        close(mail->keeper);
    if (mail->desk >= 0)
        close(mail->desk);
    mail->keeper = mail->desk = -1;
    limits_let_go(mail->settings.limits);
    mail->settings.limits = NULL;
    (void)pthread_mutex_destroy(&mail->lock);
}

void worker_close(struct worker *worker)
{
    channel_free(worker->keeper);
    worker->keeper = NULL;
    handoff_close(&worker->handoff);
    tcp_close(&worker->tcp);
    udp_close(&worker->udp);
    if (worker->wanted.places)
        wanted_close(&worker->wanted);
    answer_cache_free(worker->cache);
    zone_table_free(&worker->zones);
    snapshot_close(&worker->snapshot);
    close_mail(&worker->mail);
    restraint_close(&worker->restraint);
    free(worker->late);
    if (worker->loop)
        ev_loop_destroy(worker->loop);
    *worker = (struct worker){.mail = {.keeper = -1, .desk = -1}};
}
