/* cookies.c - a query's cookie to what its answer carries, and whether it is answered at all. */
#include "cookies.h"

#include "worker.h"

static struct cookie_sender sender_of(const struct worker *worker, const union address *client)
{
    struct cookie_sender sender = {.edns = &worker->query.edns, .now = worker->facts.now};

    if (client->any.sa_family == AF_INET) {
        sender.address = (const uint8_t *)&client->four.sin_addr;
        sender.address_length = sizeof client->four.sin_addr;
    } else {
        sender.address = (const uint8_t *)&client->six.sin6_addr;
        sender.address_length = sizeof client->six.sin6_addr;
    }
    return sender;
}

void cookies_judge(struct worker *worker, const union address *client)
{
    struct cookies *cookies = &worker->cookies;
    struct cookie_sender sender = sender_of(worker, client);

    cookies->kind = cookie_judge(&worker->settings.cookies, &sender, cookies->octets);
    worker->facts.cookie = cookies->kind == COOKIE_NONE ? NULL : cookies->octets;
    worker->facts.cookie_length = cookies->kind == COOKIE_NONE ? 0 : COOKIE_OCTETS;
    worker->facts.bad_cookie = false;
}

static bool is_required(const struct worker *worker)
{
    switch (worker->settings.cookies_require) {
    case CONFIG_COOKIES_ALWAYS:
        return true;
    case CONFIG_COOKIES_PRESSURE:
        return worker->cookies.required;
    case CONFIG_COOKIES_NEVER:
        break;
    }
    return false;
}

/* Over TCP the address is not forged, whatever the cookie says. Whoever asks for nothing but a
 * cookie asks whether the one that came is good (RFC 7873 section 5.4). */
static bool is_refused(const struct worker *worker)
{
    enum cookie_kind kind = worker->cookies.kind;

    if (worker->query.question_end == MESSAGE_HEADER_OCTETS)
        return kind == COOKIE_BAD;
    return (kind == COOKIE_BAD || kind == COOKIE_CLIENT) && worker->facts.transport == ANSWER_UDP &&
           is_required(worker);
}

bool cookies_demand(struct worker *worker)
{
    worker->facts.bad_cookie = is_refused(worker);
    return worker->facts.bad_cookie;
}

size_t cookies_growth(const struct worker *worker)
{
    size_t came = worker->query.edns.cookie_length, goes = worker->facts.cookie_length;

    return goes > came ? goes - came : 0;
}

void cookies_count(const struct worker *worker)
{
    static const enum metric metrics[COOKIE_KINDS] = {[COOKIE_CLIENT] = METRIC_COOKIES_CLIENT,
                                                      [COOKIE_GOOD] = METRIC_COOKIES_GOOD,
                                                      [COOKIE_BAD] = METRIC_COOKIES_BAD};

    if (worker->cookies.kind != COOKIE_NONE)
        metric_add(worker->metrics, metrics[worker->cookies.kind], 1);
}
