/* restraint.c - what the rate limit says of a worker's datagrams, one after the other. */
#include "restraint.h"

#include "avow/base/clock.h"

enum {
    LINES = 6, /* a minute */
    MINUTE_MS = 60000,
    FLAGS_AT = 2,
    ADDITIONAL_AT = 10 /* count of the additional section, in the header */
};

/* The order of the counters: a class each, and what was not looked at. */
static const enum metric class_metrics[CONFIG_CLASSES + 1] = {
    [CONFIG_CLASS_POSITIVE] = METRIC_LIMITED_POSITIVE,
    [CONFIG_CLASS_NODATA] = METRIC_LIMITED_NODATA,
    [CONFIG_CLASS_NXDOMAIN] = METRIC_LIMITED_NXDOMAIN,
    [CONFIG_CLASS_REFERRAL] = METRIC_LIMITED_REFERRAL,
    [CONFIG_CLASS_ERROR] = METRIC_LIMITED_ERROR,
    [CONFIG_CLASSES] = METRIC_LIMITED_UNREAD,
};
static const char *const class_words[CONFIG_CLASSES + 1] = {
    [CONFIG_CLASS_POSITIVE] = "positive answers",
    [CONFIG_CLASS_NODATA] = "answers without data",
    [CONFIG_CLASS_NXDOMAIN] = "answers NXDOMAIN",
    [CONFIG_CLASS_REFERRAL] = "referrals",
    [CONFIG_CLASS_ERROR] = "errors",
    [CONFIG_CLASSES] = "questions",
};

static enum config_answer_class class_of(const struct outcome *outcome)
{
    switch (outcome->kind) {
    case ANSWER_NODATA:
        return CONFIG_CLASS_NODATA;
    case ANSWER_NXDOMAIN:
        return CONFIG_CLASS_NXDOMAIN;
    case ANSWER_REFERRAL:
        return CONFIG_CLASS_REFERRAL;
    case ANSWER_REFUSED:
    case ANSWER_ERROR:
    case ANSWER_FAILURE:
        return CONFIG_CLASS_ERROR;
    case ANSWER_POSITIVE:
    case ANSWER_CHAOS:
    case ANSWER_KINDS:
        break;
    }
    return CONFIG_CLASS_POSITIVE;
}

/* ---- whoever is over the limit ---------------------------------------------------------------*/

/* A number below `end`, by chance: whoever sends in step with others gets no more than they do. */
static uint64_t draw(struct restraint *restraint, uint64_t end)
{
    /* A counter, well stirred (the finish of splitmix64). */
    uint64_t number = restraint->chance += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return (number ^ number >> 31) % end;
}

/* One in so many; 0: none. */
static bool happens(struct restraint *restraint, uint32_t one_in)
{
    return one_in && draw(restraint, one_in) == 0;
}

/* A shortened answer with a cookie is larger than its question had to be: so much more seldom is it
 * sent. */
static bool slips(struct restraint *restraint)
{
    size_t length = restraint->length;

    return length && happens(restraint, restraint->limits->slip) &&
           draw(restraint, length + restraint->growth) < length;
}

static enum restraint_verdict choose(struct restraint *restraint)
{
    const struct limits *limits = restraint->limits;
    enum metric metric = METRIC_DROPPED_LIMIT;
    enum restraint_verdict verdict = RESTRAINT_DROP;

    if (limits->dry_run) {
        metric = METRIC_SPARED_LIMIT;
        verdict = RESTRAINT_SEND;
    } else if (happens(restraint, limits->leak)) {
        metric = METRIC_LEAKED_LIMIT;
        verdict = RESTRAINT_SEND;
    } else if (slips(restraint)) {
        metric = METRIC_SLIPPED_LIMIT;
        verdict = RESTRAINT_SLIP;
    }
    metric_add(restraint->metrics, metric, 1);
    return verdict;
}

/* A sample: each flooder once a minute, several of them only as far as there is room. */
static void tell(struct restraint *restraint, unsigned class)
{
    const struct limiter_visit *visit = &restraint->visit;
    const struct limiter_account *account = &visit->accounts[visit->over];
    char text[LIMITER_PREFIX_TEXT];

    if (account->line == restraint->told_line && account->tag == restraint->told_tag &&
        restraint->now_ms - restraint->told_ms < MINUTE_MS)
        return;
    /* A flood passes here: the text is made only when the line goes out. */
    bool told = log_has_room(&restraint->lines, LINES, restraint->now_ms);
    log_limited(&restraint->lines, LINES, restraint->now_ms, "rate limit: %s has had too many %s%s",
                told ? limiter_prefix_to_text(visit, text) : "", class_words[class],
                restraint->limits->dry_run ? "; it gets them all the same (dry-run)" : "");
    if (!told)
        return;
    restraint->told_line = account->line;
    restraint->told_tag = account->tag;
    restraint->told_ms = restraint->now_ms;
}

/* Once for each datagram of somebody who is over the limit. CONFIG_CLASSES: its class is unknown.
 */
static enum restraint_verdict judge(struct restraint *restraint, unsigned class, unsigned price)
{
    limiter_debit(
        &restraint->limits->rules, &restraint->visit,
        class == CONFIG_CLASSES ? CONFIG_CLASS_POSITIVE : (enum config_answer_class) class, price);
    metric_add(restraint->metrics, class_metrics[class], 1);
    tell(restraint, class);
    restraint->judged = true;
    restraint->verdict = choose(restraint);
    return restraint->verdict;
}

/* ---- in order --------------------------------------------------------------------------------*/

/* A plain query without OPT: no cookie is in it, and no TSIG. */
static bool is_plain(const struct request *request)
{
    const uint8_t *octets = request->octets;

    return request->length >= MESSAGE_HEADER_OCTETS &&
           !(octets[FLAGS_AT] & (FLAG_QR | FLAG_OPCODE) >> 8) && octets[ADDITIONAL_AT] == 0 &&
           octets[ADDITIONAL_AT + 1] == 0;
}

/* Something of so many octets has come from there. */
static void visit_begins(struct restraint *restraint, const union address *client, size_t length)
{
    const struct limits *limits = restraint->limits;
    const struct limiter_address address = limiter_address_of(&client->any);
    struct limiter_visit *visit = &restraint->visit;

    restraint->judged = false;
    restraint->length = length;
    restraint->growth = 0;
    visit->state = LIMITER_FREE;
    if (!limits_exempt(limits, &address))
        limiter_look(restraint->limiter, &limits->rules, &address, false,
                     limiter_ticks(restraint->now_ms), visit);
}

enum restraint_verdict restraint_meet(struct restraint *restraint, const struct request *request)
{
    const struct limits *limits = restraint->limits;

    visit_begins(restraint, request->client, request->length);
    if (restraint->visit.state != LIMITER_FAR || !limits->every_class || limits->free_zone_count ||
        !is_plain(request))
        return RESTRAINT_SEND;
    return judge(restraint, CONFIG_CLASSES, LIMITER_PLAIN) == RESTRAINT_DROP ? RESTRAINT_DROP
                                                                             : RESTRAINT_SEND;
}

static bool is_of_free_zone(const struct limits *limits, const struct name *name,
                            const struct zone_table *zones)
{
    const struct served_zone *zone = limits->free_zone_count ? zone_table_find(zones, name) : NULL;

    return zone && limits_zone_is_free(limits, &zone->apex);
}

/* It was read: it may be about a zone without limit, or from a client with an account of its own.
 */
static void recognise(struct restraint *restraint, const struct query *query,
                      const struct zone_table *zones, bool known_client)
{
    const struct limits *limits = restraint->limits;
    struct limiter_visit *visit = &restraint->visit;

    if (visit->state == LIMITER_FREE)
        return;
    const struct limiter_address address = visit->address;
    if (query->question_end > MESSAGE_HEADER_OCTETS &&
        is_of_free_zone(limits, &query->question.name, zones))
        visit->state = LIMITER_FREE;
    else if (known_client)
        limiter_look(restraint->limiter, &limits->rules, &address, true, visit->now, visit);
}

enum restraint_verdict restraint_before(struct restraint *restraint, const struct query *query,
                                        const struct zone_table *zones, bool known_client,
                                        size_t growth)
{
    if (restraint->judged)
        return restraint->verdict;
    restraint->growth = growth;
    recognise(restraint, query, zones, known_client);
    if (restraint->visit.state == LIMITER_FAR && restraint->limits->every_class)
        return judge(restraint, CONFIG_CLASSES, LIMITER_PLAIN);
    return RESTRAINT_SEND;
}

/* An answer is about to go out. */
static enum restraint_verdict settle(struct restraint *restraint, enum config_answer_class class,
                                     unsigned price)
{
    struct limiter_visit *visit = &restraint->visit;
    const struct limiter_rules *rules = &restraint->limits->rules;

    if (visit->state == LIMITER_FREE || !limiter_is_limited(rules, class))
        return RESTRAINT_SEND;
    if (visit->state >= LIMITER_OVER)
        return judge(restraint, class, price);
    limiter_charge(rules, visit, class, price);
    return RESTRAINT_SEND;
}

enum restraint_verdict restraint_after(struct restraint *restraint, const struct outcome *outcome,
                                       bool turned)
{
    if (restraint->judged)
        return RESTRAINT_SEND;
    return settle(restraint, class_of(outcome),
                  turned                              ? LIMITER_PLAIN
                  : outcome->verdict == ANSWER_WANTED ? LIMITER_SIGNATURE_ANSWERS * LIMITER_PLAIN
                                                      : limiter_price(outcome->length));
}

void restraint_late(struct restraint *restraint, const union address *client,
                    const struct query *query, const struct zone_table *zones, bool known_client,
                    const struct outcome *outcome)
{
    restraint_begin(restraint, clock_monotonic_ms());
    visit_begins(restraint, client, 0);
    recognise(restraint, query, zones, known_client);
    limiter_charge(&restraint->limits->rules, &restraint->visit, class_of(outcome),
                   limiter_price(outcome->length));
}

enum restraint_verdict restraint_foreign(struct restraint *restraint, const union address *client,
                                         const struct zone_table *zones, struct span answer)
{
    struct reader reader = reader_over(answer.octets, answer.length);
    struct header header;
    struct question question;

    header_read(&reader, &header);
    restraint_begin(restraint, clock_monotonic_ms());
    visit_begins(restraint, client, 0);
    if (restraint->limits->free_zone_count && header.counts[SECTION_QUESTION]) {
        question_read(&reader, &question);
        if (!reader.failed && is_of_free_zone(restraint->limits, &question.name, zones))
            return RESTRAINT_SEND;
    }
    return settle(restraint, header.flags & FLAG_RCODE ? CONFIG_CLASS_ERROR : CONFIG_CLASS_POSITIVE,
                  limiter_price(answer.length));
}

/* ---- configuration ---------------------------------------------------------------------------*/

void restraint_configure(struct restraint *restraint, struct limits *limits)
{
    limits_hold(limits);
    limits_let_go(restraint->limits);
    restraint->limits = limits;
    restraint->told_line = NULL; /* what becomes of a flood may be something else now */
}

void restraint_close(struct restraint *restraint)
{
    limits_let_go(restraint->limits);
    restraint->limits = NULL;
}
