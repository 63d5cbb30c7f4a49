/* hang.c - what is done about calls that do not end. */
#include "hang.h"

#include <stdio.h>

#include "avow/base/log.h"

uint64_t hang_next_patience(uint64_t before)
{
    if (before == 0)
        return HANG_FIRST_PATIENCE;
    return before < HANG_LONGEST_PATIENCE / 2 ? 2 * before : HANG_LONGEST_PATIENCE;
}

/* ---- one post ------------------------------------------------------------------------------- */

static void describe(struct post *post, const struct watch *watch, uint64_t now_ns)
{
    const char *doing = atomic_load_explicit(&watch->doing, memory_order_relaxed);
    unsigned long long seconds = watch_overdue(watch, now_ns) / 1000;

    post->token = atomic_load_explicit(&watch->keystore, memory_order_relaxed);
    (void)snprintf(post->text, sizeof post->text, "%s has taken %llu s and does not end", doing,
                   seconds);
}

static void describe_hopeless(struct post *post)
{
    char why[PKCS11_FAILURE_OCTETS];

    keystore_reason(post->keystore, why, sizeof why);
    post->token = post->keystore->name;
    (void)snprintf(post->text, sizeof post->text, "this process cannot use the token any more: %s",
                   why);
}

struct excusing {
    struct hangs *hangs;
    struct post *post;
};

static void excuse(void *context, const struct letter *letter)
{
    struct excusing *excusing = context;
    char why[POST_TEXT_OCTETS + KEYSTORE_NAME_OCTETS];

    (void)snprintf(why, sizeof why, "keystore %s: %s", excusing->post->token, excusing->post->text);
    excusing->hangs->excuse(excusing->hangs->context, letter, why);
}

static void set_stalled(struct hangs *hangs, struct post *post, bool stalled)
{
    bool news = stalled != post->stalled;

    post->stalled = stalled;
    if (news)
        hangs->stalled(hangs->context, post);
}

/* True: it is stuck, and was not before. */
static bool look_at(struct hangs *hangs, struct post *post, uint64_t now_ns)
{
    struct excusing excusing = {.hangs = hangs, .post = post};
    const struct watch *clerk = &post->clerk.watch;
    bool down = post->keystore && keystore_state(post->keystore) != KEYSTORE_UP;
    bool clerk_hangs = watch_overdue(clerk, now_ns) > 0;
    bool before = post->stuck;
    bool all;

    const struct watch *worker = pool_overdue(&post->pool, now_ns, &all);
    bool hopeless = clerk_is_hopeless(&post->clerk);
    post->stuck = worker || clerk_hangs || hopeless;
    if (worker || clerk_hangs)
        describe(post, worker ? worker : clerk, now_ns);
    else if (hopeless)
        describe_hopeless(post);
    set_stalled(hangs, post, all || (clerk_hangs && down));
    if (worker)
        pool_excuse_overdue(&post->pool, now_ns, excuse, &excusing);
    if (post->stalled)
        pool_excuse_waiting(&post->pool, excuse, &excusing);
    if (post->stuck && !before)
        metric_add(hangs->stripe, METRIC_TOKEN_HANGS, 1);
    return post->stuck && !before;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Whether something would be lost with the process. */
static bool others_work(const struct hangs *hangs)
{
    for (size_t i = 0; i < hangs->count; i++) {
        struct post *post = &hangs->posts[i];
        if (post->keystore && !post->stuck && keystore_state(post->keystore) == KEYSTORE_UP)
            return true;
    }
    return false;
}

static void log_stuck(const struct hangs *hangs, const char *consequence)
{
    for (size_t i = 0; i < hangs->count; i++) {
        const struct post *post = &hangs->posts[i];
        if (post->stuck)
            log_error("keystore %s: %s; %s", post->token, post->text, consequence);
    }
}

static bool give_up(const struct hangs *hangs)
{
    log_stuck(hangs, "the process ends, to be started anew");
    return true;
}

static uint64_t patience(const struct hangs *hangs)
{
    return hang_next_patience(metric_get(hangs->stripe, METRIC_HANG_PATIENCE));
}

static void stay_calm(struct hangs *hangs, uint64_t now_ms)
{
    hangs->since_ms = 0;
    if (now_ms - hangs->calm_ms >= HANG_CALM_MS)
        metric_set(hangs->stripe, METRIC_HANG_PATIENCE, 0);
}

bool hangs_end(struct hangs *hangs, uint64_t now_ns)
{
    uint64_t now_ms = now_ns / 1000000;
    bool news = false, stuck = false;
    char consequence[128];

    for (size_t i = 0; i < hangs->count; i++) {
        news = look_at(hangs, &hangs->posts[i], now_ns) || news;
        stuck = stuck || hangs->posts[i].stuck;
    }
    if (!stuck) {
        stay_calm(hangs, now_ms);
        return false;
    }
    hangs->calm_ms = now_ms;
    if (!others_work(hangs))
        return give_up(hangs);
    if (hangs->since_ms == 0)
        hangs->since_ms = now_ms;
    if (now_ms - hangs->since_ms >= patience(hangs) * 1000) {
        metric_set(hangs->stripe, METRIC_HANG_PATIENCE, patience(hangs));
        return give_up(hangs);
    }
    (void)snprintf(
        consequence, sizeof consequence,
        "other keystores work, so that the process is given up only if that lasts %llu s",
        (unsigned long long)patience(hangs));
    if (news)
        log_stuck(hangs, consequence);
    return false;
}
